/** The integrity light: whether every answer that is counted is in the database, how long that took, and the proof on request. */

import { showDialog } from "../dialogs.js";
import { h, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { rest } from "./rest.js";
import { savingOf } from "./saving.js";

/** @param {{id: string, ticket: string}} session @param {() => number} nowMs */
export function makeLight(session, nowMs) {
  const element = h("button", { type: "button", class: "light", "aria-haspopup": "dialog", on: { click: () => prove() } });
  let since = null; // when the oldest answer that is not saved was first seen
  let lagMs = null;

  async function prove() {
    const found = await rest(session, "integrity");
    if (!found) return;
    const sum = (name) => (found.activities ?? []).reduce((all, each) => all + (each[name] ?? 0), 0);
    const verdict = !found.settled ? "light.moving" : found.sound ? "light.same" : "light.differ";
    const rows = [[t("light.counted"), number(sum("live_responses"))], [t("light.rows"), number(sum("rows"))], [t("light.lag"), lagMs === null ? "–" : t("light.seconds", { n: Math.round(lagMs / 100) / 10 })]];
    showDialog(t("light.title"), h("p", { class: `verdict ${found.sound ? "right" : "wrong"}` }, t(verdict)),
      h("dl", { class: "proof" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  }

  return {
    element,
    /** @param {Map<string, any>} map @param {string} status of the connection */
    update(map, status) {
      const { total, isSaved } = savingOf(map);
      if (!isSaved) since ??= nowMs();
      else if (since !== null) [lagMs, since] = [nowMs() - since, null];
      const isUp = status === "online" || status === "degraded";
      const key = !isUp ? (status === "connecting" ? "connecting" : "offline") : total === 0 ? "none" : isSaved ? "all" : "some";
      element.className = `light ${key}`;
      write(element, t(`saved.${key}`, { n: total }));
    },
  };
}
