/** Questions of the audience, the most wanted first. */

import { fill, h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { placesIn, renew } from "./figures.js";

const SHOWN = 40;

export function draw(element, activity, view, counts, { items = new Map() } = {}) {
  const place = placesIn(element);
  const isSeen = (each) => ["active", "pinned"].includes(each.status) && !each.merged_into;
  const posts = [...items.values()].filter(isSeen).sort((a, b) =>
    Number(b.pinned) - Number(a.pinned) || Number(a.answered) - Number(b.answered) || (view.sort === "votes" ? (b.score ?? 0) - (a.score ?? 0) : 0) || (a.created_at < b.created_at ? 1 : -1));
  renew(place("count"), String(posts.length), () => h("p", { class: "figure" }, posts.length ? t("qna.count", { n: posts.length }) : t("qna.none")));
  const list = (element.plenumWall ??= place("list").appendChild(h("ol", { class: "posts projected" })));
  const rows = (element.plenumRows ??= new Map());
  fill(list, ...posts.slice(0, SHOWN).map((post) => {
    if (!rows.has(post.id)) rows.set(post.id, makeRow());
    const row = rows.get(post.id);
    write(row.score, post.score === undefined ? "" : number(post.score));
    row.votes.hidden = post.score === undefined;
    write(row.text, post.text);
    write(row.answer, post.answer ?? "");
    row.answer.hidden = !post.answer;
    write(row.meta, [post.author, post.answered && t("post.answered"), post.pinned && t("post.pinned")].filter(Boolean).join(" · "));
    row.item.className = [post.pinned ? "pinned" : "", post.answered ? "answered" : ""].join(" ");
    return row.item;
  }));
}

function makeRow() {
  const score = h("span", {});
  const votes = h("span", { class: "votes" }, icon("up"), score);
  const text = h("p", { class: "pre" });
  const answer = h("p", { class: "reply small" });
  const meta = h("p", { class: "small soft" });
  return { score, votes, text, answer, meta, item: h("li", {}, votes, h("div", { class: "grow" }, text, answer, meta)) };
}
