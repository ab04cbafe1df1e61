/** Bars in a list: each with its text, its length and its figures. The list is its own text alternative. */

import { fill, h, icon, write } from "../dom.js";
import { t } from "../i18n.js";

/**
 * Draws rows that stay the same elements while numbers move, so that bars glide.
 *
 * @param {HTMLElement} element
 * @param {{id: string, text: string, share: number, value: string, detail?: string, isTop?: boolean, isOwn?: boolean,
 *   verdict?: "right"|"wrong"|null, spread?: number[]}[]} rows `share` from 0 to 100; `spread` from and to in the same measure
 * @param {string} [note] below the bars
 */
export function drawBars(element, rows, note = "") {
  const drawing = (element.plenumBars ??= makeBars(element));
  for (const row of rows) drawing.show(row);
  drawing.keep(rows.map((row) => row.id));
  drawing.note(note);
}

function makeBars(element) {
  const rows = new Map();
  const list = h("ol", { class: "bars" });
  const note = h("p", { class: "small soft" });
  fill(element, h("div", { class: "stack" }, list, note));
  const makeRow = () => {
    const verdict = h("span", { class: "verdict", hidden: true });
    const text = h("span", {});
    const label = h("span", { class: "label", data: { own: t("card.yours") } }, verdict, text);
    const value = h("span", {});
    const detail = h("small", {});
    const bar = h("div", { class: "fill" });
    const spread = h("div", { class: "spread", hidden: true });
    const item = h("li", {}, h("div", { class: "head" }, label, h("span", { class: "value" }, value, detail)), h("div", { class: "track", "aria-hidden": "true" }, bar, spread));
    return { item, verdict, text, value, detail, bar, spread };
  };
  return {
    show({ id, text, share, value, detail = "", isTop = false, isOwn = false, verdict = null, spread = null }) {
      if (!rows.has(id)) rows.set(id, makeRow());
      const row = rows.get(id);
      write(row.text, text);
      write(row.value, value);
      write(row.detail, detail && ` ${detail}`);
      row.item.className = [isTop ? "top" : "", isOwn ? "own" : "", verdict ?? ""].join(" ");
      row.bar.style.width = `${share}%`;
      row.spread.hidden = !spread;
      if (spread) {
        row.spread.style.insetInlineStart = `${spread[0]}%`;
        row.spread.style.width = `${spread[1] - spread[0]}%`;
      }
      row.verdict.hidden = !verdict;
      if (verdict && row.verdict.dataset.is !== verdict) {
        row.verdict.dataset.is = verdict;
        fill(row.verdict, icon(verdict === "right" ? "check" : "cross"), h("span", { class: "off-screen" }, t(`verdict.${verdict}`)));
      }
    },
    keep(ids) {
      fill(list, ...ids.map((id) => rows.get(id).item));
    },
    note(text) {
      write(note, text);
      note.hidden = !text;
    },
  };
}
