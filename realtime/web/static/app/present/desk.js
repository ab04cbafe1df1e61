/** What a presenter can decide about contributions, by type: pure, from the view to rows with actions. */

/**
 * @typedef {{name: string, decision: Object}} Action `name` is a text of the catalogue
 * @typedef {{id: string, text: string, note?: string, isWaiting?: boolean, actions: Action[]}} Row
 *
 * @param {Object} activity
 * @param {Object|undefined} view
 * @param {Map<string, any>} items
 * @returns {{phases?: {name: string, isNow: boolean, decision: Object}[], tools?: Action[], rows: Row[]}}
 */
export function deskOf(activity, view, items) {
  const make = DESKS[activity.type];
  return view && make ? make(view, [...items.values()], activity) : { rows: [] };
}

const act = (name, decision) => ({ name: `decide.${name}`, decision: { action: name, ...decision } });
const about = (id, ...names) => names.map((name) => act(name, { item_id: id }));

const BY_STATUS = {
  pending: ["approve", "reject"],
  active: ["pin", "hide"],
  pinned: ["unpin", "hide"],
  archived: ["restore"],
  hidden: ["restore"],
  rejected: ["restore"],
};

function byStatus(rows) {
  const order = ["pending", "pinned", "active", "archived", "hidden", "rejected"];
  return rows.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
}

function rowOf(item, id, more = []) {
  return { id: item.id, text: item.text, note: item.author ?? "", status: item.status, isWaiting: item.status === "pending", actions: [...more, ...about(id, ...(BY_STATUS[item.status] ?? []))] };
}

const DESKS = {
  qna(view, items) {
    const rows = items.filter((item) => !item.merged_into).map((item) => {
      const isSeen = item.status === "active" || item.status === "pinned";
      const done = item.answered ? about(item.id, "unanswer", "archive") : about(item.id, "answer");
      return rowOf(item, item.id, isSeen ? done : []);
    });
    return { rows: byStatus(rows) };
  },

  open_text(view, items) {
    return { rows: byStatus(items.map((item) => rowOf(item, item.item_id ?? item.id))) };
  },

  brainstorm(view, items) {
    const phases = ["collect", "group", "vote", "done"].map((phase) => ({ name: `phase.${phase}`, isNow: view.phase === phase, decision: { action: "phase", phase } }));
    const rows = items.map((item) => rowOf(item, item.id, view.phase === "group" ? [{ name: "decide.group", decision: { action: "group", item_id: item.id }, asks: "group" }] : []));
    return { phases, rows: byStatus(rows) };
  },

  word_cloud(view) {
    const pending = (view.pending ?? []).map((each) => ({ id: each.id, text: each.word, note: `${each.count}×`, isWaiting: true, actions: about(each.id, "approve", "reject") }));
    const shown = (view.words ?? []).slice(0, 40).map((each) => ({ id: each.key, text: each.word, note: `${each.count}×`, actions: about(each.key, "hide") }));
    const hidden = (view.hidden ?? []).map((each) => ({ id: each.id, text: each.word, note: `${each.count}×`, actions: about(each.id, "restore") }));
    return { tools: pending.length > 1 ? [act("approve_all", {})] : [], rows: [...pending, ...shown, ...hidden] };
  },

  buzzer(view) {
    const rows = (view.queue ?? []).filter((each) => each.id).map((each) => ({
      id: each.id, text: each.name ?? `#${each.position}`, note: each.status ? `verdict.${each.status}` : "", actions: each.status ? [] : about(each.id, "right", "wrong"),
    }));
    return { tools: view.presses > 0 ? [act("reset", {})] : [], rows: rows.slice(0, 10) };
  },

  short_answer(view) {
    const rows = (view.groups ?? []).filter((each) => each.fraction === null || each.fraction < 1).slice(0, 30)
      .map((each) => ({ id: each.key, text: each.key, note: `${each.count}×`, actions: [{ name: "decide.accept", decision: { action: "accept", text: each.key, fraction: 1 } }] }));
    return { rows };
  },

  table_completion(view) {
    const rows = Object.entries(view.cells ?? {}).flatMap(([cell, found]) => (found.to_review ?? []).map((each) => ({
      id: `${cell}/${each.text}`, text: each.text, note: `${each.count}×`, isWaiting: true,
      actions: ["accept", "reject"].map((name) => act(name, { cell, text: each.text })),
    })));
    return { rows };
  },

  planning_poker(view) {
    if (!view.distribution) return { rows: [] };
    const cards = Object.keys(view.distribution).filter((card) => card !== "?" && card !== "coffee");
    const offered = [...new Set([view.suggested, ...cards].filter(Boolean))];
    return { phases: offered.map((card) => ({ label: card, isNow: view.final_estimate === card, decision: { action: "final_estimate", estimate: view.final_estimate === card ? null : card } })), title: "desk.final", rows: [] };
  },
};
