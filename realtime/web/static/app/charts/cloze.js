/** A text with blanks: how many had each of them, and the likeliest slip. */

import { h } from "../dom.js";
import { percent, t } from "../i18n.js";
import { piecesOf } from "../controls/cloze.js";
import { drawBars } from "./bars.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { peopleText } from "./poll.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { text, blanks } = activity.config.settings;
  const place = placesIn(element);
  const total = view.total_responses ?? 0;
  const hasKey = Object.values(blanks).some((blank) => blank.answers);
  const figures = [[t("chart.score"), view.mean_score !== undefined && total > 0 && percent(view.mean_score)]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  renew(place("text"), JSON.stringify([hasKey, text]), () => hasKey && h("p", { class: "cloze pre" }, ...piecesOf(text).map((piece, i) => (i % 2 ? h("mark", {}, blanks[piece].answers[0]) : piece))));
  const ids = piecesOf(text).filter((_, i) => i % 2);
  const rows = !view.blanks ? [] : ids.map((id, i) => {
    const { answered, correct, top_wrong: wrong = [] } = view.blanks[id];
    const share = correct === undefined ? (total ? answered / total : 0) : answered ? correct / answered : 0;
    const mine = own?.data?.blanks?.[id];
    const slip = wrong[0] && t("cloze.slip", { text: wrong[0].text, n: wrong[0].count });
    const name = t("cloze.blank", { n: i + 1 });
    return { id, text: hasKey ? `${name}: ${blanks[id].answers[0]}` : name, share: 100 * share, value: percent(share), detail: [slip, mine && t("rating.yours", { value: mine })].filter(Boolean).join(" · "), isTop: share >= 0.75 };
  });
  drawBars(place("bars"), rows, peopleText(total));
}
