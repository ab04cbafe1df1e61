/** A board of ideas by column and group, the most voted first. */

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { placesIn, renew } from "./figures.js";

export function draw(element, activity, view, counts, { items = new Map() } = {}) {
  const place = placesIn(element);
  const columns = view.columns ?? activity.config.settings.columns;
  renew(place("phase"), JSON.stringify([view.phase, view.total, view.votes_cast]), () => h("p", { class: "figure" }, [t(`phase.${view.phase}`), t("board.ideas", { n: view.total ?? 0 }), view.votes_cast ? t("board.votes", { n: view.votes_cast }) : ""].filter(Boolean).join(" · ")));
  const ideas = [...items.values()].filter((each) => !["hidden", "rejected", "pending", "deleted"].includes(each.status));
  renew(place("board"), JSON.stringify(ideas), () => h("div", { class: "board" }, ...columns.map((name) => makeColumn(name, ideas.filter((each) => each.column === name), columns.length > 1))));
}

function makeColumn(name, ideas, isNamed) {
  const blocks = groupsOf(ideas).map(({ group, ideas: some, votes }) =>
    group ? h("li", { class: "group" }, h("strong", {}, `${group} `, votes > 0 && h("span", { class: "chip bare" }, number(votes))), h("ul", { class: "posts" }, ...some.map(makeIdea))) : makeIdea(some[0]));
  return h("section", {}, isNamed && h("h2", { class: "part-title" }, name), h("ul", { class: "posts" }, ...blocks));
}

function makeIdea(idea) {
  return h("li", {}, h("p", { class: "pre grow" }, idea.text), idea.votes > 0 && h("span", { class: "chip bare", role: "img", "aria-label": t("board.votes", { n: idea.votes }) }, `● ${number(idea.votes)}`));
}

/** Ideas of one group together, single ones each on their own; the most voted first. */
export function groupsOf(ideas) {
  const groups = new Map();
  for (const idea of ideas) {
    const key = idea.group ? `g/${idea.group}` : `i/${idea.id}`;
    if (!groups.has(key)) groups.set(key, { group: idea.group ?? null, ideas: [], votes: 0, first: idea.created_at });
    const group = groups.get(key);
    group.ideas.push(idea);
    group.votes += idea.votes ?? 0;
  }
  for (const group of groups.values()) group.ideas.sort((a, b) => (b.votes ?? 0) - (a.votes ?? 0) || (a.created_at < b.created_at ? -1 : 1));
  return [...groups.values()].sort((a, b) => b.votes - a.votes || (a.first < b.first ? -1 : 1));
}
