// The pages' own rules, as far as they need no browser.
import assert from "node:assert/strict";
import test from "node:test";

import { activitiesOf, isPublic, itemsOf, questionOf } from "../../realtime/web/static/app/parts.js";
import { readCode } from "../../realtime/web/static/app/participant/seat.js";
import { isEditable, movesOf } from "../../realtime/web/static/app/present/moves.js";
import { savingOf } from "../../realtime/web/static/app/present/saving.js";
import { isLoopback, joinLink } from "../../realtime/web/static/app/present/share.js";

test("codes are read as people type them", () => {
  assert.equal(readCode(" ab3-9 xz "), "AB39XZ");
  assert.equal(readCode("AB–3.9"), "AB39");
  for (const text of ["", "ab", "a/b/c", "über", "x".repeat(17)]) assert.equal(readCode(text), "", text);
});

test("what everybody may see follows the reveal rules of the server", () => {
  const activity = (reveal, state, revealed) => isPublic({ state, revealed, config: { reveal } });
  const hidden = { counts: "presenter", results: "on_reveal" };
  assert.deepEqual([activity(hidden, "active", false), activity(hidden, "closed", false), activity(hidden, "active", true)], [false, false, true]);
  const after = { counts: "after_close", results: "after_close" };
  assert.deepEqual([activity(after, "active", false), activity(after, "closed", false), activity(after, "active", true)], [false, true, true]);
  assert.equal(activity({ counts: "live", results: "never" }, "active", false), true);
  assert.equal(activity({ counts: "presenter", results: "never" }, "closed", true), false);
});

test("activities come in the presenter's order, items by their id", () => {
  const map = new Map([
    ["session", {}], ["activity:b", { id: "b", order_index: 1 }], ["activity:a", { id: "a", order_index: 1 }],
    ["activity:c", { id: "c", order_index: 0 }], ["view:a", {}], ["view:a:item:1", { x: 1 }], ["view:ab:item:2", { x: 2 }],
  ]);
  assert.deepEqual(activitiesOf(map).map((each) => each.id), ["c", "a", "b"]);
  assert.deepEqual([...itemsOf(map, "a")], [["1", { x: 1 }]]);
});

test("the question is found whatever its type calls it", () => {
  assert.equal(questionOf({ title: "T", config: { settings: { prompt: "P" } } }), "P");
  assert.equal(questionOf({ title: "T", config: { settings: {} } }), "T");
});

test("each state offers its legal moves, the likeliest first", () => {
  const names = (state, more = {}) => movesOf({ id: "a", state, version: 3, revealed: false, ...more }, false).map((each) => each.name);
  assert.deepEqual(names("draft"), ["stage.open"]);
  assert.deepEqual(names("active"), ["stage.close", "stage.pause", "stage.reveal", "stage.focus"]);
  assert.deepEqual(names("paused"), ["stage.resume", "stage.close", "stage.reveal", "stage.focus"]);
  assert.deepEqual(names("closed", { revealed: true }), ["stage.hide", "stage.focus", "stage.newRound", "stage.reopen"]);
  const [open] = movesOf({ id: "a", state: "draft", version: 3 }, false);
  assert.deepEqual(open.command, { type: "move", activity_id: "a", to: "active", expected_version: 3 });
});

test("a question may be rewritten until it was open once", () => {
  assert.equal(isEditable({ state: "draft", opened_at_ms: null }), true);
  assert.equal(isEditable({ state: "draft", opened_at_ms: 5 }), false);
  assert.equal(isEditable({ state: "closed", opened_at_ms: 5 }), false);
});

test("the light is green exactly when the watermark has reached the last counted answer", () => {
  const at = (map) => savingOf(new Map(Object.entries(map)));
  assert.deepEqual(at({}), { total: 0, isSaved: true });
  const counts = { "counts:a": { responses: 2, offset: 7 }, "counts:b": { responses: 3, offset: 5 } };
  assert.deepEqual(at({ saved: 6, ...counts }), { total: 5, isSaved: false });
  assert.deepEqual(at({ saved: 7, ...counts }), { total: 5, isSaved: true });
});

test("people join where this page came from, unless no phone can reach that", () => {
  const session = { join_code: "AB12", join_url: "http://192.0.2.7:8000/join#AB12" };
  assert.equal(joinLink(session, "https://vote.example"), "https://vote.example/join#AB12");
  for (const origin of ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"]) {
    assert.equal(joinLink(session, origin), session.join_url);
    assert.ok(isLoopback(joinLink({ join_code: "AB12" }, origin)));
  }
  assert.equal(isLoopback("http://localhost.example/join#A"), false);
});
