/** A poll's chart: a list of options, each with its share as a bar and in figures. The list is its own text alternative. */

import { fill, h, write } from "../dom.js";
import { number, t } from "../i18n.js";

const OTHER = "\u0000other";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { options, max_choices: most = 1 } = activity.config.settings;
  const rows = options.map((option) => ({
    id: option.id, text: option.text, votes: view.vote_counts[option.id] ?? 0, share: view.percentages[option.id] ?? 0,
    isTop: view.most_popular.includes(option.id), isOwn: (own?.data?.selected ?? []).includes(option.id),
  }));
  if (view.other) {
    const share = view.total_responses ? Math.round((1_000 * view.other) / view.total_responses) / 10 : 0;
    rows.push({ id: OTHER, text: t("poll.otherVotes"), votes: view.other, share, isTop: false, isOwn: Boolean(own?.data?.other_text) });
  }
  const drawing = (element.plenumBars ??= makeBars(element));
  for (const row of rows) drawing.show(row);
  drawing.keep(rows.map((row) => row.id));
  const total = view.total_responses;
  drawing.note(total === 0 ? t("poll.nobody") : t(most > 1 ? "poll.peopleMany" : "poll.people", { n: total }));
}

/** Rows that stay the same elements while numbers move, so that bars glide. */
function makeBars(element) {
  const rows = new Map();
  const list = h("ol", { class: "bars" });
  const note = h("p", { class: "small soft" });
  fill(element, h("div", { class: "stack" }, list, note));
  const makeRow = () => {
    const label = h("span", { class: "label", data: { own: t("card.yours") } });
    const share = h("span", {});
    const votes = h("small", {});
    const bar = h("div", { class: "fill" });
    const item = h("li", {}, h("div", { class: "head" }, label, h("span", { class: "value" }, share, votes)), h("div", { class: "track", "aria-hidden": "true" }, bar));
    return { item, label, share, votes, bar };
  };
  return {
    show({ id, text, votes, share, isTop, isOwn }) {
      if (!rows.has(id)) rows.set(id, makeRow());
      const row = rows.get(id);
      write(row.label, text);
      write(row.share, `${number(Math.round(share))} %`);
      write(row.votes, ` ${t("poll.votes", { n: votes })}`);
      row.item.className = `${isTop ? "top" : ""} ${isOwn ? "own" : ""}`;
      row.bar.style.width = `${share}%`;
    },
    keep(ids) {
      fill(list, ...ids.map((id) => rows.get(id).item));
    },
    note: (text) => write(note, text),
  };
}
