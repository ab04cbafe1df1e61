/** The presenter's page: the list of own sessions, or one session that runs. */

import { fill } from "./dom.js";
import { loadTexts } from "./i18n.js";
import { openSession } from "./present/run.js";
import { showSessions } from "./present/sessions.js";
import { keep, known } from "./present/store.js";

await loadTexts("present", "types", "build");
let run = null;
show();
addEventListener("hashchange", show);

function show() {
  run?.close();
  run = null;
  const given = new URLSearchParams(location.hash.slice(1));
  const id = given.get("session");
  const ticket = given.get("ticket");
  if (id && ticket) {
    keep({ id, ticket });
    history.replaceState(null, "", `#session=${id}`); // the ticket must not stay in the address bar or the history
  }
  const session = known().find((each) => each.id === id);
  document.body.replaceChildren();
  if (session) run = openSession(session);
  else fill(document.body, ...showSessions());
}
