/** A ranking: the items by their Borda points, with the mean place. */

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { drawBars } from "./bars.js";
import { placesIn, renew } from "./figures.js";
import { makeHeat } from "./heat.js";
import { peopleText, rounded } from "./poll.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { items } = activity.config.settings;
  const place = placesIn(element);
  const most = Math.max(1, ...Object.values(view.scores));
  const order = own?.data?.order ?? [];
  const ranked = [...items].sort((a, b) => view.scores[b.id] - view.scores[a.id]);
  const top = view.scores[ranked[0].id];
  const rows = ranked.map(({ id, text }, i) => {
    const mean = view.mean_rank[id];
    const yours = order.includes(id) ? ` · ${t("rank.yours", { n: order.indexOf(id) + 1 })}` : "";
    return { id, text: `${number(i + 1)}. ${text}`, share: (100 * view.scores[id]) / most, value: t("rank.points", { n: view.scores[id] }), detail: (mean === null ? "" : t("rank.mean", { mean: rounded(mean) })) + yours, isTop: top > 0 && view.scores[id] === top };
  });
  drawBars(place("bars"), rows, peopleText(view.total_responses ?? 0));
  const cells = ranked.map(({ id, text }) => ({ text, cells: view.positions[id].map((count) => ({ count })) }));
  renew(place("table"), JSON.stringify(cells), () => h("details", { class: "as-table" }, h("summary", {}, t("rank.places")), makeHeat(t("rank.places"), cells[0].cells.map((_, i) => number(i + 1)), cells)));
}
