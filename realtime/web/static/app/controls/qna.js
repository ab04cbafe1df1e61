/** Questions from the audience: ask, vote, and see what became of one's own. */

import { fill, h, icon, write } from "../dom.js";
import { number, t, timeOfDay } from "../i18n.js";

export const several = true;

export function mount(element, activity, own, submit) {
  const { settings } = activity.config;
  const { max_question_length: length = 500, max_open_per_participant: most = 3, allow_anonymous: mayHide, moderate_questions: isModerated } = settings;
  const text = h("textarea", { id: `ask-${activity.id}`, rows: 3, maxLength: length, placeholder: t("qna.example") });
  const hidden = h("input", { type: "checkbox", checked: true });
  const ask = h("button", { class: "primary" }, t("qna.ask"));
  const full = h("p", { class: "small soft", hidden: true }, t("qna.full", { n: most }));
  const form = h("form", { class: "card stack-s compose" },
    h("label", { htmlFor: text.id, class: "off-screen" }, t("qna.label")), text,
    h("div", { class: "row" }, mayHide && h("label", { class: "tick" }, hidden, t("qna.anonymous")), ask.tagName && h("span", { class: "push" }, ask)),
    isModerated && h("p", { class: "small soft" }, t("qna.moderated")));
  const title = h("h2", { class: "small soft" });
  const list = h("ul", { class: "posts" });
  const rows = new Map();
  fill(element, h("div", { class: "stack" }, form, full, title, list));
  const check = () => (ask.disabled = !text.value.trim());
  form.addEventListener("input", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = text.value.trim();
    if (!typed) return;
    if (!submit({ action: "question", text: typed, anonymous: Boolean(mayHide && hidden.checked) }, { fresh: true })) return;
    text.value = "";
    check();
  });
  check();
  // Somebody may have written for minutes what is refused: it comes back, unless something else stands there by now.
  const giveBack = (data) => {
    if (data?.action !== "question" || text.value.trim()) return;
    text.value = data.text;
    check();
  };

  function makeRow() {
    const vote = h("button", { type: "button", class: "vote", "aria-pressed": "false" }, icon("up"), h("span", {}));
    const down = h("button", { type: "button", class: "vote", "aria-pressed": "false" }, icon("down"));
    const body = h("p", { class: "pre" });
    const answer = h("p", { class: "reply small", hidden: true });
    const meta = h("p", { class: "small soft meta" });
    const remove = h("button", { type: "button", class: "icon-button", "aria-label": t("qna.withdraw"), title: t("qna.withdraw") }, icon("bin"));
    const item = h("li", {}, h("div", { class: "votes" }, vote, down), h("div", { class: "grow" }, body, answer, meta), remove);
    return { vote, down, body, answer, meta, remove, item };
  }

  function renderRow(post, isAsking, voted) {
    if (!rows.has(post.key)) rows.set(post.key, makeRow());
    const row = rows.get(post.key);
    write(row.body, post.text);
    row.item.className = [post.pinned ? "pinned" : "", post.isMine ? "mine" : "", post.answered ? "answered" : ""].join(" ");
    row.answer.hidden = !post.answer;
    write(row.answer, post.answer ?? "");
    const words = [post.isMine ? t("card.yours") : post.author, t(`post.${post.status}`), post.answered && t("post.answered"), post.created_at && timeOfDay(post.created_at)];
    write(row.meta, words.filter(Boolean).join(" · "));
    const mayVote = settings.enable_voting !== false && Boolean(post.id) && (!post.isMine || settings.self_vote);
    row.vote.hidden = settings.enable_voting === false || !post.id;
    row.down.hidden = !settings.allow_downvotes || row.vote.hidden;
    const value = voted.get(post.id) ?? 0;
    const press = (wanted) => submit({ action: "vote", item_id: post.id, value: value === wanted ? 0 : wanted }, { entry: settings.allow_multiple_votes === false ? "v" : `v:${post.id}` });
    for (const [button, wanted, label] of [[row.vote, 1, "qna.vote"], [row.down, -1, "qna.voteDown"]]) {
      button.disabled = !isAsking || !mayVote;
      button.setAttribute("aria-pressed", String(value === wanted));
      button.setAttribute("aria-label", `${t(label, { text: post.text })}${post.score === undefined ? "" : `, ${number(post.score)}`}`);
      button.onclick = () => press(wanted);
    }
    write(row.vote.lastChild, post.score === undefined ? "" : number(post.score));
    row.remove.hidden = !post.entry || !isAsking;
    row.remove.onclick = () => submit(null, { entry: post.entry, withdraw: true });
    return row.item;
  }

  return {
    refused: giveBack,
    update(present, response, isAsking, { items = new Map(), mine = [] } = {}) {
      const asked = mine.filter((each) => each.data?.action === "question");
      const isFull = asked.length >= most;
      form.hidden = !isAsking || isFull;
      full.hidden = !isAsking || !isFull;
      const posts = postsOf(items, asked, settings.sort);
      const voted = new Map(mine.filter((each) => each.data?.action === "vote").map((each) => [each.data.item_id, each.data.value]));
      write(title, posts.length ? t("qna.count", { n: posts.length }) : t("qna.none"));
      fill(list, ...posts.map((post) => renderRow(post, isAsking, voted)));
    },
  };
}

/** What is to be seen: the approved questions in order, and one's own whatever became of them. */
export function postsOf(items, asked, sort = "votes") {
  const own = new Map(asked.filter((each) => each.response_id).map((each) => [each.response_id, each]));
  const posts = [...items.values()].map((item) => ({ ...item, key: item.id, isMine: own.has(item.id), entry: own.get(item.id)?.entry }));
  for (const each of asked) {
    if (each.response_id && items.has(each.response_id)) continue;
    posts.push({ key: each.submission_id, text: each.data.text, isMine: true, entry: each.entry || null, status: each.response_id ? "pending" : "sending", id: null });
  }
  const byTime = (a, b) => ((a.created_at ?? "z") < (b.created_at ?? "z") ? 1 : -1);
  const score = (post) => (sort === "votes" ? (post.score ?? 0) : 0);
  const order = sort === "oldest" ? (a, b) => -byTime(a, b) : byTime;
  return posts.sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || Number(a.id !== null) - Number(b.id !== null) || score(b) - score(a) || order(a, b));
}
