/** A poll's chart: the options with their shares. */

import { number, percent, t } from "../i18n.js";
import { drawBars } from "./bars.js";

const OTHER = "\u0000other";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { options, max_choices: most = 1 } = activity.config.settings;
  const row = (id, text, votes, share, more) => ({ id, text, share, value: percent(share / 100), detail: t("poll.votes", { n: votes }), ...more });
  const rows = options.map(({ id, text }) =>
    row(id, text, view.vote_counts[id] ?? 0, view.percentages[id] ?? 0, {
      isTop: view.most_popular.includes(id), isOwn: (own?.data?.selected ?? []).includes(id),
    }));
  if (view.other) {
    const share = view.total_responses ? (100 * view.other) / view.total_responses : 0;
    rows.push(row(OTHER, t("poll.otherVotes"), view.other, share, { isOwn: Boolean(own?.data?.other_text) }));
  }
  drawBars(element, rows, peopleText(view.total_responses, most > 1));
}

/** How many answered. */
export function peopleText(total, isMany = false) {
  return total === 0 ? t("poll.nobody") : t(isMany ? "poll.peopleMany" : "poll.people", { n: total });
}

/** A number with its sign left as it is, to one decimal. */
export function rounded(value, digits = 1) {
  return number(Number(value.toFixed(digits)));
}
