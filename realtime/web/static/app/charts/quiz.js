/** A quiz question's chart: the options, the right ones marked once that may be seen. */

import { h } from "../dom.js";
import { percent, t } from "../i18n.js";
import { drawBars } from "./bars.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { peopleText } from "./poll.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { options, correct, explanation, max_choices: most = 1 } = activity.config.settings;
  const place = placesIn(element);
  const total = view.total_responses ?? 0;
  const chosen = own?.data?.selected ?? [];
  const isKnown = Array.isArray(correct);
  renew(place("verdict"), JSON.stringify([isKnown, chosen, correct]), () => isKnown && chosen.length > 0 && makeVerdict(isRight(chosen, correct)));
  if (view.vote_counts) {
    const rows = options.map(({ id, text }) => {
      const votes = view.vote_counts[id] ?? 0;
      const share = total ? (100 * votes) / total : 0;
      const verdict = !isKnown ? null : correct.includes(id) ? "right" : chosen.includes(id) ? "wrong" : null;
      return { id, text, share, value: percent(share / 100), detail: t("poll.votes", { n: votes }), isTop: isKnown && correct.includes(id), isOwn: chosen.includes(id), verdict };
    });
    drawBars(place("bars"), rows, peopleText(total, most > 1));
  }
  renew(place("wait"), view.vote_counts ? "" : String(total), () => !view.vote_counts && h("p", { class: "figure" }, peopleText(total)));
  const seconds = view.time && t("quiz.seconds", { n: Math.round(view.time.median_ms / 100) / 10 });
  const figures = [[t("quiz.right"), view.correct_fraction !== undefined && percent(view.correct_fraction)], [t("quiz.median"), seconds]];
  const levels = Object.entries(view.confidence ?? {}).filter(([, each]) => each.n > 0);
  for (const [level, each] of levels) figures.push([t("quiz.sure", { level: t(`sure.${level}`) }), percent(each.correct / each.n)]);
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  renew(place("explanation"), explanation ?? "", () => explanation && h("p", { class: "explanation pre" }, explanation));
}

export function isRight(chosen, correct) {
  return chosen.length === correct.length && chosen.every((id) => correct.includes(id));
}

/** The word on the own answer. */
export function makeVerdict(right) {
  return h("p", { class: `own-verdict ${right ? "right" : "wrong"}` }, t(right ? "verdict.youRight" : "verdict.youWrong"));
}
