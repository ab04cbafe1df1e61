/** Things to be put in order: by dragging, by buttons, by the arrow keys. */

import { announce, fill, h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { mountForm } from "./form.js";

/**
 * @param {Object} given what `mount` got
 * @param {Object} options
 * @param {{id: string, text: string}[]} options.items
 * @param {number} options.counted how many places count
 * @param {boolean} [options.isNumbered]
 */
export function mountOrder(element, given, { items, counted, isNumbered = true }) {
  const list = h("ol", { class: "order-list" });
  let rows = items.map((item) => makeRow(item));
  let isLocked = false;
  let form = null;

  function makeRow(item) {
    const place = h("span", { class: "letter", "aria-hidden": "true" });
    const up = h("button", { type: "button", class: "icon-button" }, icon("up"));
    const down = h("button", { type: "button", class: "icon-button" }, icon("down"));
    const grip = h("span", { class: "grip", "aria-hidden": "true" }, icon("grip"));
    const row = { id: item.id, text: item.text, place, up, down, element: h("li", {}, grip, place, h("span", { class: "grow" }, item.text), up, down) };
    up.addEventListener("click", () => step(row, -1, up));
    down.addEventListener("click", () => step(row, 1, down));
    grip.addEventListener("pointerdown", (event) => drag(event, row));
    return row;
  }

  function step(row, by, button) {
    const from = rows.indexOf(row);
    if (!move(row, from + by)) return;
    announce(t("order.moved", { text: row.text, n: rows.indexOf(row) + 1, total: rows.length }));
    (button.disabled ? (by < 0 ? row.down : row.up) : button).focus();
  }

  function move(row, to) {
    if (isLocked || to < 0 || to >= rows.length || rows[to] === row) return false;
    rows = rows.filter((each) => each !== row);
    rows.splice(to, 0, row);
    render();
    form?.changed();
    return true;
  }

  function drag(event, row) {
    if (isLocked || event.button !== 0) return;
    event.preventDefault();
    const grip = event.currentTarget;
    grip.setPointerCapture(event.pointerId);
    row.element.classList.add("held");
    const follow = ({ clientY }) => {
      const to = rows.findIndex((each) => {
        const box = each.element.getBoundingClientRect();
        return clientY >= box.top && clientY <= box.bottom;
      });
      if (to >= 0) move(row, to);
    };
    const drop = () => {
      row.element.classList.remove("held");
      grip.removeEventListener("pointermove", follow);
    };
    grip.addEventListener("pointermove", follow);
    grip.addEventListener("lostpointercapture", drop, { once: true });
  }

  function render() {
    rows.forEach((row, i) => {
      const isCounted = i < counted;
      write(row.place, isCounted && isNumbered ? number(i + 1) : "");
      row.place.hidden = !isNumbered;
      row.element.classList.toggle("uncounted", !isCounted);
      row.element.classList.toggle("last-counted", i === counted - 1 && counted < rows.length);
      row.up.setAttribute("aria-label", t("order.up", { text: row.text }));
      row.down.setAttribute("aria-label", t("order.down", { text: row.text }));
      row.up.disabled = isLocked || i === 0;
      row.down.disabled = isLocked || i === rows.length - 1;
    });
    // Moved row by row: an element that is taken out and put back would lose the finger that holds it.
    rows.forEach((row, i) => {
      if (list.children[i] !== row.element && !row.element.classList.contains("held")) list.insertBefore(row.element, list.children[i] ?? null);
      else if (list.children[i] !== row.element) place(row, i);
    });
  }

  function place(row, i) {
    const others = rows.filter((each) => each !== row).map((each) => each.element);
    if (!row.element.isConnected) list.insertBefore(row.element, list.children[i] ?? null);
    others.forEach((other, at) => (at < i ? list.insertBefore(other, row.element) : list.append(other)));
  }

  fill(list, ...rows.map((row) => row.element));
  render();
  const hint = h("p", { class: "small soft" }, counted < items.length ? t("order.top", { n: counted }) : t("order.all"));
  form = mountForm(element, given, {
    parts: [hint, list],
    peek: () => ({ order: rows.slice(0, counted).map((row) => row.id) }),
    show(answer) {
      const order = answer?.order ?? [];
      const rank = (row) => (order.includes(row.id) ? order.indexOf(row.id) : order.length + items.findIndex((item) => item.id === row.id));
      rows = [...rows].sort((a, b) => rank(a) - rank(b));
      render();
    },
    lock(locked) {
      isLocked = locked;
      hint.hidden = locked;
      list.classList.toggle("locked", locked);
      render();
    },
    fault: () => null,
  });
  return form;
}
