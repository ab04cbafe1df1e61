/** Points to be shared out: a slider and two buttons for each thing, and what is left always in sight. */

import { h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { items, total = 100, step = 1, must_spend_all: isAll = true } = activity.config.settings;
  const left = h("p", { class: "points-left", role: "status" });
  let isLocked = false;
  let form = null;
  const rows = items.map((item) => makeRow(item));
  const spent = () => rows.reduce((sum, row) => sum + row.points, 0);

  function makeRow(item) {
    const slider = h("input", { type: "range", id: `points-${activity.id}-${item.id}`, min: 0, max: total, step, value: 0 });
    const value = h("output", { htmlFor: slider.id });
    const less = h("button", { type: "button", class: "icon-button round", "aria-label": t("points.less", { text: item.text }) }, icon("minus"));
    const more = h("button", { type: "button", class: "icon-button round", "aria-label": t("points.more", { text: item.text }) }, icon("plus"));
    const row = { id: item.id, points: 0, slider, value, less, more };
    row.element = h("div", { class: "points-row" }, h("label", { htmlFor: slider.id }, item.text), value, less, slider, more);
    slider.addEventListener("input", () => set(row, Number(slider.value)));
    less.addEventListener("click", () => set(row, row.points - step, true));
    more.addEventListener("click", () => set(row, row.points + step, true));
    return row;
  }

  /** Gives a row so many points, but never more than are left. */
  function set(row, points, isButton = false) {
    const room = total - spent() + row.points;
    row.points = Math.max(0, Math.min(points, Math.floor(room / step) * step));
    render();
    if (isButton) form.changed();
  }

  function render() {
    const rest = total - spent();
    for (const row of rows) {
      row.slider.value = row.points;
      row.slider.disabled = isLocked;
      row.slider.style.setProperty("--share", `${(100 * row.points) / total}%`);
      write(row.value, number(row.points));
      row.less.disabled = isLocked || row.points === 0;
      row.more.disabled = isLocked || rest < step;
    }
    write(left, rest === 0 ? t("points.spent") : t("points.left", { n: rest, total }));
    left.classList.toggle("done", rest === 0);
  }

  form = mountForm(element, { activity, own, submit, onChange }, {
    parts: [left, h("div", { class: "stack-s" }, ...rows.map((row) => row.element))],
    peek: () => ({ points: Object.fromEntries(rows.map((row) => [row.id, row.points])) }),
    show(answer) {
      for (const row of rows) row.points = answer?.points?.[row.id] ?? 0;
      render();
    },
    lock(locked) {
      isLocked = locked;
      left.hidden = locked;
      render();
    },
    fault: () => (spent() === 0 || (isAll && spent() < total) ? "" : null),
  });
  return form;
}
