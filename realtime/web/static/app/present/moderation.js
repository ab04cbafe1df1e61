/** The list of what waits for a presenter's word, and of what was let through. */

import { fill, h, write } from "../dom.js";
import { askText } from "../dialogs.js";
import { has, t } from "../i18n.js";
import { deskOf } from "./desk.js";

const SHOWN = 60;

/** @param {(command: Object) => Promise<any>} act */
export function makeModeration(act) {
  const title = h("h2", {});
  const tools = h("div", { class: "row" });
  const list = h("ul", {});
  const element = h("section", { class: "desk", hidden: true }, title, tools, list);
  const rows = new Map();
  let sign = "";

  return {
    element,
    update(activity, view, items) {
      const desk = deskOf(activity, view, items);
      const isEmpty = desk.rows.length === 0 && !desk.phases?.length && !desk.tools?.length;
      element.hidden = isEmpty || activity.state === "draft";
      if (isEmpty) return;
      const waiting = desk.rows.filter((row) => row.isWaiting).length;
      write(title, waiting ? t("desk.waiting", { n: waiting }) : t(desk.title ?? "desk.title"));
      const decide = async (action) => {
        const asked = action.asks ? await askText(t("desk.groupName")) : null;
        if (action.asks && asked === null) return;
        act({ type: "decide", activity_id: activity.id, decision: action.asks ? { ...action.decision, [action.asks]: asked || null } : action.decision });
      };
      const now = JSON.stringify([desk.phases, desk.tools]);
      if (now !== sign) {
        sign = now;
        fill(tools,
          ...(desk.phases ?? []).map((phase) => h("button", { type: "button", class: phase.isNow ? "primary" : "", "aria-pressed": String(phase.isNow), on: { click: () => decide(phase) } }, phase.label ?? t(phase.name))),
          ...(desk.tools ?? []).map((tool) => h("button", { type: "button", on: { click: () => decide(tool) } }, t(tool.name))));
      }
      fill(list, ...desk.rows.slice(0, SHOWN).map((row) => renderRow(rows, row, decide)));
      for (const id of rows.keys()) if (!desk.rows.some((row) => row.id === id)) rows.delete(id);
    },
  };
}

/** A row's buttons are made anew only when other actions apply: a button must not vanish under a finger. */
function renderRow(rows, row, decide) {
  if (!rows.has(row.id)) rows.set(row.id, { text: h("p", { class: "pre" }), note: h("p", { class: "small soft" }), buttons: h("span", { class: "row" }), sign: "" });
  const kept = rows.get(row.id);
  kept.item ??= h("li", {}, h("div", { class: "grow" }, kept.text, kept.note), kept.buttons);
  write(kept.text, row.text);
  const note = row.note && has(row.note) ? t(row.note) : row.note;
  const status = row.status && row.status !== "active" ? t(`post.${row.status}`) : "";
  write(kept.note, [note, status].filter(Boolean).join(" · "));
  kept.item.className = row.isWaiting ? "waiting-now" : "";
  const sign = JSON.stringify(row.actions);
  if (kept.sign !== sign) {
    kept.sign = sign;
    fill(kept.buttons, ...row.actions.map((action) => h("button", { type: "button", "aria-label": `${t(action.name)}: ${row.text}`, on: { click: () => decide(action) } }, t(action.name))));
  }
  return kept.item;
}
