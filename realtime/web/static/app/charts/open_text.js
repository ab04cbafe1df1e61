/** Free texts: what several people said alike, then all of them, the newest first. */

import { fill, h, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { placesIn, renew } from "./figures.js";

const SHOWN = 60;

export function draw(element, activity, view, counts, { items = new Map() } = {}) {
  const place = placesIn(element);
  renew(place("count"), String(view.total), () => h("p", { class: "figure" }, t("generic.count", { n: view.total ?? 0 })));
  const groups = view.groups ?? [];
  renew(place("groups"), JSON.stringify(groups), () => groups.length > 0 && h("ul", { class: "groups" }, ...groups.slice(0, 8).map((each) => h("li", {}, h("strong", {}, `${number(each.count)}×`), ` ${each.text}`))));
  const list = (element.plenumWall ??= place("wall").appendChild(h("ul", { class: "wall" })));
  const shown = [...items.values()].filter((each) => each.status !== "hidden" && each.status !== "rejected" && each.status !== "pending")
    .sort((a, b) => Number(b.status === "pinned") - Number(a.status === "pinned") || (a.at < b.at ? 1 : -1)).slice(0, SHOWN);
  const rows = (element.plenumRows ??= new Map());
  fill(list, ...shown.map((each) => {
    if (!rows.has(each.id)) rows.set(each.id, h("li", {}, h("p", { class: "pre" }), h("p", { class: "small soft" })));
    const row = rows.get(each.id);
    write(row.firstChild, each.text);
    write(row.lastChild, each.author ?? "");
    row.className = each.status === "pinned" ? "pinned" : "";
    return row;
  }));
  list.hidden = shown.length === 0;
}
