/** Short answers: equal ones together, with what the key says of them. */

import { h } from "../dom.js";
import { percent, t } from "../i18n.js";
import { drawBars } from "./bars.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { peopleText } from "./poll.js";

const SHOWN = 15;

export function draw(element, activity, view, counts, { own = null } = {}) {
  const place = placesIn(element);
  const total = view.total_responses ?? 0;
  const hasKey = view.correct_fraction !== undefined && view.ungraded !== total;
  const figures = [[t("quiz.right"), hasKey && total > 0 && percent(view.correct_fraction)]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  const groups = (view.groups ?? []).slice(0, SHOWN);
  const ownText = own?.data?.text?.toLocaleLowerCase();
  const most = groups[0]?.count ?? 0;
  const rows = groups.map(({ key, count, fraction }) => ({
    id: key, text: key, share: (100 * count) / most, value: percent(total ? count / total : 0), detail: t("chart.times", { n: count }), isOwn: key === ownText,
    verdict: typeof fraction !== "number" ? null : fraction >= 1 ? "right" : fraction === 0 ? "wrong" : null, isTop: typeof fraction === "number" ? fraction >= 1 : count === most,
  }));
  drawBars(place("bars"), rows, peopleText(total));
  const rest = (view.distinct ?? groups.length) - groups.length;
  renew(place("rest"), String(rest), () => view.groups && rest > 0 && h("p", { class: "small soft" }, t("chart.more", { n: rest })));
}
