/** The list of a session's activities, in the presenter's order. */

import { fill, h, icon, write } from "../dom.js";
import { t } from "../i18n.js";
import { questionOf } from "../parts.js";
import { kindIcon, kindOf } from "./kinds.js";

/**
 * @param {Object} actions
 * @param {(activityId: string) => void} actions.select
 * @param {() => void} actions.add
 * @param {(activity: Object, other: Object) => void} actions.swap
 * @param {Node} actions.below what stands below the list
 */
export function makeAgenda(actions) {
  const list = h("ol", { class: "agenda" });
  const empty = h("p", { class: "small soft" }, t("acts.empty"));
  const rows = new Map();
  const element = h(
    "nav",
    { class: "stack", "aria-label": t("acts.title") },
    h("div", { class: "row" }, h("h2", {}, t("acts.title")), h("button", { type: "button", class: "push directs", on: { click: actions.add } }, icon("plus"), t("acts.add"))),
    list,
    empty,
    actions.below,
  );

  function makeRow({ id, type }) {
    const title = h("span", { class: "title" });
    const state = h("span", { class: "chip" });
    const count = h("span", { class: "small soft" });
    const kind = h("span", { class: "small soft kind-name" });
    const focus = h("span", { class: "in-focus", title: t("acts.focus") }, h("span", { class: "off-screen" }, t("acts.focus")));
    const button = h("button", { type: "button", on: { click: () => actions.select(id) } }, h("span", { class: "line" }, h("span", { class: "kind-mark" }, kindIcon(type)), title, focus), h("span", { class: "line" }, state, kind, count));
    const up = h("button", { type: "button", class: "icon-button", "aria-label": t("acts.up") }, icon("up"));
    const down = h("button", { type: "button", class: "icon-button", "aria-label": t("acts.down") }, icon("down"));
    return { item: h("li", {}, button, h("span", { class: "order directs" }, up, down)), title, state, count, kind, focus, button, up, down };
  }

  return {
    element,
    update(activities, map, selectedId, focusId) {
      empty.hidden = activities.length > 0;
      activities.forEach((activity, i) => {
        if (!rows.has(activity.id)) rows.set(activity.id, makeRow(activity));
        const row = rows.get(activity.id);
        const isSelected = activity.id === selectedId;
        write(row.title, `${i + 1}. ${questionOf(activity)}`);
        write(row.state, t(`state.${activity.state}`));
        row.state.className = `chip ${activity.state}`;
        write(row.kind, t(`kind.${kindOf(activity.type)}`));
        write(row.count, t("acts.answers", { n: map.get(`counts:${activity.id}`)?.responses ?? 0 }));
        row.focus.hidden = activity.id !== focusId;
        if (isSelected) row.button.setAttribute("aria-current", "true");
        else row.button.removeAttribute("aria-current");
        row.up.disabled = i === 0;
        row.down.disabled = i === activities.length - 1;
        row.up.onclick = () => actions.swap(activity, activities[i - 1]);
        row.down.onclick = () => actions.swap(activity, activities[i + 1]);
      });
      fill(list, ...activities.map((activity) => rows.get(activity.id).item));
    },
  };
}
