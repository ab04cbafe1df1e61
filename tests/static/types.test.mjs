// The pure parts of controls, charts and the builder.
import assert from "node:assert/strict";
import test from "node:test";

import { groupsOf } from "../../realtime/web/static/app/charts/brainstorm.js";
import { zonesOf } from "../../realtime/web/static/app/charts/hotspot.js";
import { layOut } from "../../realtime/web/static/app/charts/layout.js";
import { columnsOf } from "../../realtime/web/static/app/charts/numeric.js";
import { valueOf } from "../../realtime/web/static/app/charts/planning_poker.js";
import { bundled } from "../../realtime/web/static/app/charts/rating.js";
import { isAsked } from "../../realtime/web/static/app/controls/branching.js";
import { ideasOf, withDots } from "../../realtime/web/static/app/controls/brainstorm.js";
import { standingOf } from "../../realtime/web/static/app/controls/buzzer.js";
import { piecesOf } from "../../realtime/web/static/app/controls/cloze.js";
import { readData } from "../../realtime/web/static/app/controls/generic.js";
import { readNumber } from "../../realtime/web/static/app/controls/numeric.js";
import { postsOf } from "../../realtime/web/static/app/controls/qna.js";
import { valuesOf } from "../../realtime/web/static/app/controls/rating.js";
import { gridOf } from "../../realtime/web/static/app/controls/table_completion.js";
import { newestOf, ownOf } from "../../realtime/web/static/app/participant/own.js";
import { deskOf } from "../../realtime/web/static/app/present/desk.js";
import { completed, faultOf } from "../../realtime/web/static/app/present/forms.js";
import { pairsOf } from "../../realtime/web/static/app/present/lists.js";
import { readGaps, readTable, writeGaps, writeTable } from "../../realtime/web/static/app/present/notation.js";

test("numbers are read as people of several countries write them", () => {
  const cases = { "32": 32, "-3.5": -3.5, "3,5": 3.5, "1.234,5": 1234.5, "1,234.5": 1234.5, "1 234": 1234, "1.234.567": 1234567, "0": 0, ".5": 0.5, "−7": -7, "1’000": 1000 };
  for (const [typed, value] of Object.entries(cases)) assert.equal(readNumber(typed), value, typed);
  for (const typed of ["", "abc", "1e5", "--3", "3,", "1/2"].filter((each) => each !== "3,")) assert.equal(readNumber(typed), null, typed);
});

test("a scale has every value from its least to its greatest", () => {
  assert.deepEqual(valuesOf({ min: 1, max: 5, step: 1 }), [1, 2, 3, 4, 5]);
  assert.deepEqual(valuesOf({ min: 0, max: 0.3, step: 0.1 }), [0, 0.1, 0.2, 0.3]);
});

test("many values become few columns, with nothing lost", () => {
  const entries = Array.from({ length: 60 }, (_, i) => [String(i), i]);
  const columns = bundled(entries, 25);
  assert.ok(columns.length <= 25);
  assert.equal(columns.reduce((sum, each) => sum + each.count, 0), 1770);
});

test("a survey asks by the answers so far, as the server judges them", () => {
  const rules = { q2: { item: "q1", op: "lte", value: 2 }, q3: { item: "q1", op: "ne", value: 2 }, q4: { item: "q1", op: "answered" }, q5: { item: "q0", op: "contains", value: "Yes" } };
  const asked = (answers) => ["q1", "q2", "q3", "q4", "q5"].filter((id) => isAsked(rules, id, answers));
  assert.deepEqual(asked({}), ["q1", "q3"]);
  assert.deepEqual(asked({ q1: { ratings: { i: 2 } } }), ["q1", "q2", "q4"]);
  assert.deepEqual(asked({ q1: { ratings: { i: 5 } }, q0: { text: "oh yes" } }), ["q1", "q3", "q4", "q5"]);
  assert.deepEqual(asked({ q1: { abstain: true } }), ["q1", "q3"]);
});

test("own answers are those of the server and those that still wait here, each once", () => {
  const activity = { id: "a", round: 2 };
  const told = [
    { entry: "q:1", response_id: "r1", submission_id: "01", revision: 1, round: 2, offset: 5, data: { n: 1 } },
    { entry: "q:2", response_id: "r2", submission_id: "02", revision: 2, round: 2, offset: 9, data: null, withdrawn: true },
    { entry: "", response_id: "r0", submission_id: "00", revision: 1, round: 1, offset: 1, data: {} },
  ];
  const entry = { activity_id: "a", round: 2, entry: null, data: { n: 3 }, revision: 1, withdraw: false, state: "waiting" };
  const all = ownOf({ mine: told, entries: [{ ...entry, submission_id: "01", state: "counted" }, { ...entry, submission_id: "03" }] }, activity, { saved: 6, isAway: false });
  assert.deepEqual(all.map((each) => [each.submission_id, each.step, each.withdrawn]), [["01", "counted", false], ["02", "counted", true], ["03", "sending", false]]);
  assert.equal(newestOf(all).submission_id, "03");
  assert.equal(newestOf([all[1]]), null);
});

test("a changed answer takes the place of the one that is stored", () => {
  const told = [{ entry: "", response_id: "r", submission_id: "01", revision: 1, round: 1, offset: 5, data: { selected: ["a"] } }];
  const change = { activity_id: "a", round: 1, entry: null, data: { selected: ["b"] }, revision: 2, withdraw: false, state: "waiting", submission_id: "02" };
  const [one, ...rest] = ownOf({ mine: told, entries: [change] }, { id: "a", round: 1 }, { saved: 9, isAway: true });
  assert.deepEqual([one.data, one.step, one.response_id, rest], [{ selected: ["b"] }, "kept", "r", []]);
});

test("questions: pinned ones first, one's own are there whatever became of them", () => {
  const items = new Map([["x", { id: "x", text: "X", score: 1, pinned: false, status: "active", created_at: "1" }], ["y", { id: "y", text: "Y", score: 0, pinned: true, status: "pinned", created_at: "2" }]]);
  const asked = [{ response_id: "x", entry: "q:x", submission_id: "1", data: { text: "X" } }, { response_id: "z", entry: "q:z", submission_id: "2", data: { text: "Z" } }];
  const posts = postsOf(items, asked);
  assert.deepEqual(posts.map((post) => [post.text, post.isMine, post.status]), [["Y", false, "pinned"], ["Z", true, "pending"], ["X", true, "active"]]);
});

test("ideas and dots", () => {
  const items = new Map([["x", { id: "x", text: "X", votes: 1, column: "A", created_at: "1" }], ["y", { id: "y", text: "Y", votes: 4, column: "A", created_at: "2" }]]);
  assert.deepEqual(ideasOf(items, [{ response_id: null, submission_id: "3", data: { text: "Z" } }], "A").map((idea) => idea.text), ["Y", "X", "Z"]);
  assert.deepEqual(withDots({ x: 1 }, "y", 2), { x: 1, y: 2 });
  assert.deepEqual(withDots({ x: 1 }, "x", 0), {});
  const groups = groupsOf([{ id: "x", votes: 1, group: "G", created_at: "1" }, { id: "z", votes: 2, group: null, created_at: "2" }, { id: "y", votes: 4, group: "G", created_at: "3" }]);
  assert.deepEqual(groups.map((group) => [group.group, group.votes, group.ideas.map((idea) => idea.id)]), [["G", 5, ["y", "x"]], [null, 2, ["z"]]]);
});

test("a buzzer tells where one stands, and lets one press again after a reset", () => {
  const mine = [{ response_id: "r1", step: "counted" }];
  assert.deepEqual(standingOf({ queue: [{ id: "r2", position: 1 }, { id: "r1", position: 2 }] }, mine, null), { place: 2, status: null });
  assert.equal(standingOf({ queue: [{ id: "r2", position: 1 }] }, mine, null), null);
  assert.equal(standingOf({ queue: [] }, mine, null), null);
  assert.deepEqual(standingOf({ queue: [{ position: 1 }] }, mine, null), { place: null, status: null });
});

test("a text is cut at its blanks, a table read cell by cell", () => {
  assert.deepEqual(piecesOf("In the {{b1}} light splits {{b2}}."), ["In the ", "b1", " light splits ", "b2", "."]);
  const grid = gridOf({ rows: 1, columns: 3, cells: [{ rowIndex: 0, colIndex: 1, cellType: "editable" }, { rowIndex: 0, colIndex: 0, cellType: "locked", lockedValue: "L" }] });
  assert.deepEqual(grid[0].map((cell) => [cell.key, cell.isGap, cell.text]), [["0-0", false, "L"], ["0-1", true, ""], ["0-2", false, ""]]);
});

test("plain text stays text, an object is data", () => {
  assert.deepEqual([readData(" hi "), readData("[1]"), readData('{"a":1}')], [{ text: "hi" }, { text: "[1]" }, { a: 1 }]);
});

test("a histogram marks the right column and the own one", () => {
  const columns = columnsOf({ edges: [0, 10, 20], counts: [1, 2] }, 20, 0);
  assert.deepEqual(columns.map((each) => [each.isMarked, each.isOwn]), [[false, true], [true, false]]);
});

test("words of a cloud never lie on one another", () => {
  const boxes = Array.from({ length: 40 }, (_, i) => ({ width: 30 + ((i * 37) % 90), height: 14 + ((i * 11) % 30) }));
  const spots = layOut(boxes);
  assert.deepEqual(spots[0], { x: 0, y: 0 });
  const placed = spots.flatMap((spot, i) => (spot ? [{ ...spot, ...boxes[i] }] : []));
  assert.ok(placed.length > 30);
  for (const [i, a] of placed.entries()) {
    for (const b of placed.slice(i + 1)) assert.ok(Math.abs(a.x - b.x) >= (a.width + b.width) / 2 - 1e-6 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2 - 1e-6);
  }
});

test("a heat map is told by ninths of the picture; cards stand in the order of their deck", () => {
  assert.deepEqual(zonesOf({ cols: 40, rows: 24, cells: { "0-0": 2, "39-23": 1, "20-12": 3 } }), [[0, 2], [4, 3], [8, 1]]);
  assert.deepEqual(["?", "13", "½", "XL", "S"].sort((a, b) => valueOf(a) - valueOf(b)), ["½", "S", "XL", "13", "?"]);
});

test("blanks and tables are typed as text and come back as they were", () => {
  const text = "In the [thylakoid/grana] light splits [water|sugar].";
  const settings = readGaps(text);
  assert.equal(settings.text, "In the {{b1}} light splits {{b2}}.");
  assert.deepEqual(settings.blanks.b1, { kind: "text", answers: ["thylakoid", "grana"] });
  assert.deepEqual(settings.blanks.b2, { kind: "choice", options: ["sugar", "water"], answers: ["water"] });
  assert.equal(writeGaps(settings), text);
  const typed = "Stage | Place\nLight | [thylakoid/grana]\nDark | [stroma]";
  const table = readTable(typed);
  assert.deepEqual([table.rows, table.columns, table.headers], [2, 2, ["Stage", "Place"]]);
  assert.deepEqual(table.cells[1].alternativeAnswers, ["grana"]);
  assert.equal(writeTable(table), typed);
});

test("equal texts on the right of pairs are one category", () => {
  const { left, right, pairs, right_reusable } = pairsOf([["a", "x"], ["b", "x"], ["c", "y"], ["", "z"]]);
  assert.deepEqual([left.length, right.length, pairs.l2, right_reusable], [3, 2, "r1", true]);
});

test("settings are completed and judged before they are sent", () => {
  assert.deepEqual(completed("rating", { prompt: "P", items: [], kind: "nps", min: 1, max: 5, labels: { low: "no", high: "yes" } }), {
    prompt: "P", items: [{ id: "value", text: "P" }], kind: "nps", min: 0, max: 10, step: 1, labels: { 0: "no", 10: "yes" },
  });
  assert.deepEqual(completed("ordering", { items: [{ id: "b" }, { id: "a" }] }).correct_order, ["b", "a"]);
  assert.equal(faultOf("poll", { question: " ", options: [] }), "build.needQuestion");
  assert.equal(faultOf("quiz", { question: "Q", options: [{ text: "1" }, { text: "2" }], correct: [] }), "build.needCorrect");
  assert.equal(faultOf("survey", { title: "S", items: [{ type: "poll", settings: { question: "", options: [] } }] }), "build.needQuestion");
  assert.equal(faultOf("numeric", { prompt: "N" }), null);
});

test("what waits for a decision comes first, with the decisions that apply", () => {
  const items = new Map([["x", { id: "x", text: "X", status: "active" }], ["y", { id: "y", text: "Y", status: "pending" }]]);
  const { rows } = deskOf({ type: "qna" }, {}, items);
  assert.deepEqual(rows.map((row) => [row.id, row.isWaiting, row.actions.map((action) => action.decision.action)]), [["y", true, ["approve", "reject"]], ["x", false, ["answer", "pin", "hide"]]]);
  assert.deepEqual(rows[0].actions[0].decision, { action: "approve", item_id: "y" });
  assert.deepEqual(deskOf({ type: "poll" }, {}, new Map()), { rows: [] });
  assert.equal(deskOf({ type: "planning_poker" }, { voted_count: 2 }, new Map()).rows.length, 0);
});
