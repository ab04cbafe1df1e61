/** The presenter's page: the list of own sessions, or one session that runs. */

import { fill } from "./dom.js";
import { loadTexts } from "./i18n.js";
import { openSession } from "./present/run.js";
import { showSessions } from "./present/sessions.js";
import { keep, known } from "./present/store.js";

const NAME_MOST = 80; // characters

await loadTexts("present", "types", "build");
let run = null;
let visit = null;
show();
addEventListener("hashchange", show);

function show() {
  run?.close();
  run = null;
  const given = new URLSearchParams(location.hash.slice(1));
  const id = given.get("session");
  const ticket = given.get("ticket");
  if (id && ticket) {
    // Whose link it is, as its maker called them, and what for. Who has a way in of his own and looks through one that
    // he made for others does so in this tab, until it is loaded again: what he has is not replaced by something less.
    const session = { id, ticket, as: given.get("as"), name: (given.get("name") ?? "").slice(0, NAME_MOST) };
    const own = known().find((each) => each.id === id);
    visit = session.as && own && !own.as && own.ticket !== ticket ? { ...own, screen_ticket: undefined, ...session } : null;
    if (!visit) keep(session);
    history.replaceState(null, "", `#session=${id}`); // the ticket must not stay in the address bar or the history
  }
  const session = visit?.id === id ? visit : known().find((each) => each.id === id);
  document.body.replaceChildren();
  if (session) run = openSession(session);
  else fill(document.body, ...showSessions());
}
