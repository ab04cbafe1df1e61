/** Who has not answered yet, and the word to them. */

import { showDialog, toast } from "../dialogs.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { rest } from "./rest.js";

/** Asks those who have not answered to do so, and says how many that were. @param {{id: string, ticket: string}} session */
export async function nudge(session, activityId) {
  const found = await rest(session, `activities/${activityId}/nudge`, { method: "POST" });
  if (found) toast(found.waiting ? t("missing.nudged", { n: found.waiting }) : t("missing.none"));
}

/** Shows who has not answered. */
export async function showMissing(session, activityId) {
  const found = await rest(session, `activities/${activityId}/unanswered`);
  if (!found) return;
  const { waiting, participants } = found;
  const note = h("p", { class: "soft" }, waiting ? t("missing.count", { n: waiting }) : t("missing.none"));
  const names = h("ul", { class: "people-list" }, ...participants.map(({ nickname }) => h("li", {}, h("span", { class: "grow" }, nickname || t("people.anonymous")))));
  const hidden = waiting > 0 && participants.length === 0 && h("p", { class: "small soft" }, t("missing.anonymous"));
  const button = waiting > 0 && h("button", { type: "button", on: { click: () => nudge(session, activityId) } }, t("missing.nudge"));
  showDialog(t("missing.title"), ...[note, participants.length > 0 && names, hidden, button].filter(Boolean));
}
