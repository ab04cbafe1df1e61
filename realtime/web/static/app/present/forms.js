/**
 * What an author fills in for each type: a description from which one form is built, so that twenty types need no
 * twenty forms. The fields' labels are the texts `field.<label>`; `fields.js` knows the kinds of fields.
 */

const question = { kind: "lines", name: "question", label: "question" };
const prompt = { kind: "lines", name: "prompt", label: "question" };
const items = { kind: "options", name: "items", label: "items", least: 2, most: 20 };
const tick = (name, value = false) => ({ kind: "tick", name, label: name, value });
const number = (name, value, least, most) => ({ kind: "number", name, label: name, value, least, most });
const choice = (name, values) => ({ kind: "choice", name, label: name, values });
const choices = { kind: "options", name: "options", label: "options", least: 2, most: 50 };

/** By type: `fields`, who sees the numbers by default, and what is added to the settings. */
export const FORMS = {
  poll: { fields: [question, { ...choices, hasMany: true }, tick("allow_other"), tick("shuffle")] },
  quiz: { fields: [question, { ...choices, key: "correct" }, { kind: "lines", name: "explanation", label: "explanation", isOptional: true }, tick("ask_confidence"), tick("shuffle", true)], isQuiz: true },
  word_cloud: { fields: [prompt, number("max_words_per_submission", 3, 1, 10), tick("allow_phrases", true), tick("moderate_submissions")], reveal: "revealLive" },
  rating: { fields: [prompt, { kind: "options", name: "items", label: "statements", least: 0, most: 20 }, choice("kind", ["likert", "stars", "slider", "nps"]), { kind: "scale" }, tick("allow_skip")] },
  open_text: { fields: [prompt, number("max_entries", 1, 1, 10), number("max_length", 500, 10, 1_000), tick("moderate"), tick("show_to_participants", true)] },
  numeric: { fields: [prompt, { kind: "number", name: "correct", label: "correctNumber", isOptional: true, isReal: true }, { kind: "tolerance" }, { kind: "bounds" }, number("decimals", 0, 0, 6), { kind: "text", name: "unit", label: "unit", isOptional: true }] },
  ranking: { fields: [prompt, items, { kind: "number", name: "rank_top", label: "rank_top", isOptional: true, least: 1, most: 20 }, tick("shuffle", true)] },
  ordering: { fields: [prompt, { ...items, label: "itemsInOrder" }], isQuiz: true },
  short_answer: { fields: [prompt, { kind: "answers", name: "answers", label: "answers" }, { kind: "spelling" }, tick("case_sensitive")] },
  matching: { fields: [prompt, { kind: "pairs" }], isQuiz: true },
  points_allocation: { fields: [prompt, items, number("total", 100, 1, 10_000), number("step", 5, 1, 1_000), tick("must_spend_all", true)] },
  qna: { fields: [{ kind: "text", name: "topic", label: "topic" }, tick("moderate_questions", true), tick("allow_anonymous", true), tick("enable_voting", true), number("max_open_per_participant", 3, 1, 100)], reveal: "revealLive" },
  planning_poker: { fields: [{ kind: "story" }, choice("deck", ["fibonacci", "modified_fibonacci", "tshirt", "powers_of_two"]), tick("ask_confidence"), tick("anonymous_votes")], reveal: "revealPoker" },
  table_completion: { fields: [{ kind: "text", name: "title", label: "question" }, { kind: "table" }], isQuiz: true },
  cloze: { fields: [{ kind: "gaps" }, { kind: "spelling" }], isQuiz: true },
  hotspot: { fields: [prompt, { kind: "picture" }, number("max_points", 1, 1, 20)], reveal: "revealMe" },
  brainstorm: { fields: [prompt, { kind: "strings", name: "columns", label: "columns", value: ["Ideas"] }, number("max_ideas", 5, 1, 100), number("votes_per_participant", 3, 0, 100), tick("moderate")], reveal: "revealLive" },
  reaction: { fields: [{ kind: "text", name: "prompt", label: "topic", isOptional: true }, { kind: "kinds" }, choice("mode", ["sustained", "burst"])], reveal: "revealLive" },
  survey: { fields: [{ kind: "text", name: "title", label: "surveyTitle" }, { kind: "questions" }, tick("one_page")] },
  buzzer: { fields: [prompt, tick("reset_on_wrong", true), number("lockout_ms", 0, 0, 10_000)], reveal: "revealNames" },
  generic: { fields: [prompt] },
};

export const GROUPS = {
  ask: ["poll", "word_cloud", "rating", "open_text", "numeric", "ranking", "points_allocation", "hotspot", "survey"],
  test: ["quiz", "short_answer", "ordering", "matching", "cloze", "table_completion"],
  talk: ["qna", "brainstorm", "reaction", "buzzer", "planning_poker", "generic"],
};

/** Types that can be one question of a survey. */
export const IN_SURVEY = ["poll", "rating", "open_text", "word_cloud", "numeric", "ranking", "points_allocation", "quiz", "short_answer", "ordering", "matching"];

/** What the fields of a type cannot say each for itself. @param {string} type @param {Object} settings read from the form */
export function completed(type, settings) {
  const whole = { ...settings };
  if (type === "rating") {
    if (whole.kind === "nps") Object.assign(whole, { min: 0, max: 10, step: 1 });
    if (whole.items.length === 0) whole.items = [{ id: "value", text: whole.prompt }];
    if (whole.labels) whole.labels = Object.fromEntries(Object.entries(whole.labels).map(([end, text]) => [String(end === "low" ? whole.min : whole.max), text]).filter(([, text]) => text));
  } else if (type === "quiz") {
    const n = Math.max(1, whole.correct.length);
    Object.assign(whole, n > 1 ? { min_choices: 1, max_choices: Math.max(n, whole.max_choices ?? 1) } : { min_choices: 1, max_choices: whole.max_choices ?? 1 });
  } else if (type === "ordering") {
    whole.correct_order = whole.items.map((item) => item.id);
  } else if (type === "numeric" && whole.correct === null) {
    whole.tolerance = { mode: "exact", value: 0 };
    Object.assign(whole, { bands: [], closeness: false });
  } else if (type === "points_allocation" && whole.total % whole.step) {
    whole.step = 1;
  } else if (type === "planning_poker" && whole.cards) {
    whole.cards = null; // a chosen deck is offered whole
  }
  return whole;
}

/** What is still wrong with settings, as a text of the catalogue; null: they can be kept. */
export function faultOf(type, settings) {
  const asked = settings.question ?? settings.prompt ?? settings.story?.title ?? settings.title ?? settings.topic;
  if (typeof asked === "string" && !asked.trim() && !["reaction", "qna"].includes(type)) return "build.needQuestion";
  if (type === "poll" || type === "quiz") {
    if (settings.options.length < 2) return "build.needOptions";
    if (new Set(settings.options.map((option) => option.text)).size < settings.options.length) return "build.sameOptions";
    if (type === "quiz" && settings.correct.length === 0) return "build.needCorrect";
  }
  if (["ranking", "ordering", "points_allocation"].includes(type) && settings.items.length < 2) return "build.needItems";
  if (type === "matching" && settings.left.length < 2) return "build.needPairs";
  if (type === "cloze" && Object.keys(settings.blanks).length === 0) return "build.needGaps";
  if (type === "table_completion" && (settings.rows < 2 || settings.columns < 2 || !settings.cells.some((cell) => cell.cellType === "editable"))) return "build.needTable";
  if (type === "hotspot" && !settings.image) return "build.needPicture";
  if (type === "reaction" && settings.kinds.length === 0) return "build.needKinds";
  if (type === "survey") {
    if (settings.items.length === 0) return "build.needQuestions";
    return settings.items.map((item) => faultOf(item.type, item.settings)).find(Boolean) ?? null;
  }
  return null;
}
