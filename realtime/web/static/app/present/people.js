/** Who takes part: a list with a way to remove somebody. */

import { confirmed, showDialog } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { rest } from "./rest.js";

const PAGE = 100;

/**
 * @param {{id: string, ticket: string}} session
 * @param {(command: Object) => Promise<any>} act
 */
export async function showPeople(session, act) {
  const list = h("ul", { class: "people-list", "aria-live": "polite" });
  const more = h("button", { type: "button", hidden: true }, t("people.more"));
  const note = h("p", { class: "small soft" });
  let offset = 0;
  const load = async () => {
    more.disabled = true; // two presses are not two pages
    const page = await rest(session, `participants?offset=${offset}&limit=${PAGE}`);
    more.disabled = false;
    if (!page) return;
    const found = page.participants ?? [];
    offset += found.length;
    list.append(...found.map((person) => makeRow(person, act)));
    more.hidden = offset >= (page.total_count ?? offset) || found.length === 0;
    note.textContent = t("people.count", { n: page.total_count ?? offset });
  };
  more.addEventListener("click", load);
  await load();
  showDialog(t("people.title"), note, list, more);
}

function makeRow({ participant_id: id, nickname, anonymous, status }, act) {
  const name = anonymous || !nickname ? t("people.anonymous") : nickname;
  const item = h("li", {}, h("span", { class: "grow" }, name), h("span", { class: `chip ${status === "online" ? "active" : ""}` }, t(`people.${status === "online" ? "online" : "away"}`)));
  const remove = async () => {
    if (!(await confirmed({ title: t("people.removeTitle", { name }), text: t("people.removeText"), action: t("people.remove"), style: "danger-fill" }))) return;
    if (await act({ type: "remove", participant_id: id })) item.remove();
  };
  item.append(h("button", { type: "button", class: "danger", "aria-label": `${t("people.remove")}: ${name}`, on: { click: remove } }, t("people.remove")));
  return item;
}

/** The best of a session, as the server publishes them. @param {{entries: Object[], total: number}} board */
export function drawBoard(element, board, most = 10) {
  const entries = (board.entries ?? []).slice(0, most);
  const sign = JSON.stringify(entries);
  if (element.plenumSign === sign) return;
  element.plenumSign = sign;
  fill(element, h("ol", { class: "queue projected board-list" }, ...entries.map((each) => {
    const climbed = each.previous_rank ? each.previous_rank - each.rank : 0;
    const move = climbed > 0 ? `▲ ${number(climbed)}` : climbed < 0 ? `▼ ${number(-climbed)}` : "";
    return h("li", { class: each.rank === 1 ? "first-place" : "" }, h("span", { class: "place" }, number(each.rank)), h("span", { class: "grow" }, each.name || t("people.anonymous")),
      move && h("span", { class: "small soft", role: "img", "aria-label": t(climbed > 0 ? "board.climbed" : "board.fell", { n: Math.abs(climbed) }) }, move), h("strong", { "aria-hidden": "true" }, number(each.points)), h("span", { class: "off-screen" }, t("rank.points", { n: each.points })));
  })));
}
