/** The buzzer's queue: who was first, and by how much. */

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { placesIn, renew } from "./figures.js";

const SHOWN = 12;

export function draw(element, activity, view) {
  const place = placesIn(element);
  const queue = view.queue ?? [];
  renew(place("state"), JSON.stringify([queue.length, view.open]), () => h("p", { class: "figure" }, queue.length === 0 ? t("buzz.nobody") : t("buzz.count", { n: queue.length })));
  renew(place("queue"), JSON.stringify(queue.slice(0, SHOWN)), () => queue.length > 0 && h("ol", { class: "queue projected" }, ...queue.slice(0, SHOWN).map((each) =>
    h("li", { class: [each.position === 1 ? "first-place" : "", each.status ?? ""].join(" ") }, h("span", { class: "place" }, number(each.position)), h("span", { class: "grow" }, each.name || t("buzz.someone")),
      each.status && h("span", { class: `chip bare ${each.status}` }, t(`verdict.${each.status}`)), h("span", { class: "small soft" }, each.behind_ms ? t("buzz.behind", { seconds: number(each.behind_ms / 1_000) }) : "")))));
}
