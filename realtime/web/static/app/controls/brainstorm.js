/** A board of ideas: collect them, then share out dots. */

import { fill, h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";

export const several = true;

export function mount(element, activity, own, submit) {
  const { settings } = activity.config;
  const { max_ideas: most = 5, max_length: length = 200, columns, votes_per_participant: dots = 3, max_votes_per_idea: dotsEach = 1 } = settings;
  const text = h("textarea", { id: `idea-${activity.id}`, rows: 2, maxLength: length, placeholder: t("board.example") });
  const column = h("select", { "aria-label": t("board.column") }, ...columns.map((name) => h("option", { value: name }, name)));
  const add = h("button", { class: "primary" }, t("board.add"));
  const form = h("form", { class: "card stack-s compose" }, h("label", { htmlFor: text.id, class: "off-screen" }, t("board.label")), text, columns.length > 1 && column, add);
  const note = h("p", { class: "small soft", role: "status" });
  const board = h("div", { class: "stack" });
  fill(element, h("div", { class: "stack" }, form, note, board));
  const check = () => (add.disabled = !text.value.trim());
  form.addEventListener("input", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = text.value.trim();
    if (!typed) return;
    if (!submit({ action: "idea", text: typed, column: column.value || columns[0] }, { fresh: true })) return;
    text.value = "";
    check();
  });
  check();
  // Somebody may have written for minutes what is refused: it comes back, unless something else stands there by now.
  const giveBack = (data) => {
    if (data?.action !== "idea" || text.value.trim()) return;
    text.value = data.text;
    check();
  };
  const rows = new Map();

  function makeRow() {
    const body = h("p", { class: "pre grow" });
    const less = h("button", { type: "button", class: "icon-button round" }, icon("minus"));
    const more = h("button", { type: "button", class: "icon-button round" }, icon("plus"));
    const mine = h("span", { class: "dots", role: "img" });
    const total = h("span", { class: "small soft" });
    const remove = h("button", { type: "button", class: "icon-button" }, icon("bin"));
    return { body, less, more, mine, total, remove, item: h("li", {}, body, total, less, mine, more, remove) };
  }

  function renderRow(idea, phase, isAsking, votes, left) {
    if (!rows.has(idea.key)) rows.set(idea.key, makeRow());
    const row = rows.get(idea.key);
    const isVoting = phase === "vote" && Boolean(idea.id);
    const given = votes[idea.id] ?? 0;
    write(row.body, idea.text);
    row.item.className = idea.isMine ? "mine" : "";
    write(row.total, idea.votes && phase !== "collect" ? t("board.votes", { n: idea.votes }) : idea.id ? "" : t("post.sending"));
    write(row.mine, isVoting ? "●".repeat(given) || "–" : "");
    row.mine.setAttribute("aria-label", t("board.mine", { n: given }));
    row.less.hidden = row.more.hidden = row.mine.hidden = !isVoting;
    row.less.disabled = !isAsking || given === 0;
    row.more.disabled = !isAsking || left === 0 || given >= dotsEach;
    row.less.setAttribute("aria-label", t("board.less", { text: idea.text }));
    row.more.setAttribute("aria-label", t("board.more", { text: idea.text }));
    row.remove.setAttribute("aria-label", t("board.withdraw", { text: idea.text }));
    row.remove.hidden = !(isAsking && phase === "collect" && idea.entry);
    const vote = (by) => submit({ action: "votes", votes: withDots(votes, idea.id, given + by) }, { entry: "v" });
    row.less.onclick = () => vote(-1);
    row.more.onclick = () => vote(1);
    row.remove.onclick = () => submit(null, { entry: idea.entry, withdraw: true });
    return row.item;
  }

  return {
    refused: giveBack,
    update(present, response, isAsking, { view = null, items = new Map(), mine = [] } = {}) {
      const phase = view?.phase ?? settings.phase ?? "collect";
      const ideas = ideasOf(items, mine.filter((each) => each.data?.action === "idea"), columns[0]);
      const votes = mine.findLast((each) => each.data?.action === "votes")?.data.votes ?? {};
      const left = dots - Object.values(votes).reduce((sum, each) => sum + each, 0);
      const ownCount = ideas.filter((idea) => idea.isMine).length;
      form.hidden = !isAsking || phase !== "collect" || ownCount >= most;
      const texts = { collect: ownCount >= most ? t("board.full", { n: most }) : t("board.collect"), group: t("board.group"), vote: t("board.vote", { n: left }), done: t("board.done") };
      note.hidden = !isAsking && phase !== "done"; // nobody is told to do what can no longer be done
      write(note, texts[phase]);
      fill(board, ...columns.map((name) => {
        const inColumn = ideas.filter((idea) => idea.column === name);
        const list = h("ul", { class: "posts" }, ...inColumn.map((idea) => renderRow(idea, phase, isAsking, votes, left)));
        return h("section", { class: "stack-s" }, columns.length > 1 && h("h2", { class: "small" }, `${name} (${number(inColumn.length)})`), list);
      }));
    },
  };
}

/** The votes with so many dots on one idea; ideas without a dot are not named. */
export function withDots(votes, id, dots) {
  const all = { ...votes, [id]: dots };
  return Object.fromEntries(Object.entries(all).filter(([, each]) => each > 0));
}

/** Ideas on the board, most voted first, and one's own that are not on it (yet). */
export function ideasOf(items, own, firstColumn) {
  const mine = new Map(own.filter((each) => each.response_id).map((each) => [each.response_id, each]));
  const ideas = [...items.values()].map((item) => ({ ...item, key: item.id, isMine: mine.has(item.id), entry: mine.get(item.id)?.entry }));
  for (const each of own) {
    if (each.response_id && items.has(each.response_id)) continue;
    ideas.push({ id: null, key: each.submission_id, text: each.data.text, column: each.data.column ?? firstColumn, isMine: true, entry: each.entry || null });
  }
  return ideas.sort((a, b) => (b.votes ?? 0) - (a.votes ?? 0) || ((a.created_at ?? "z") < (b.created_at ?? "z") ? -1 : 1));
}
