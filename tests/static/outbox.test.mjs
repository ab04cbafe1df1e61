import assert from "node:assert/strict";
import test from "node:test";

import { commandOf, fallBack, makeEntry, mergeOwn, nextRevision, Outbox, settle } from "../../realtime/web/static/app/outbox.js";
import { ACTIVITY, FakeStorage } from "./fakes.mjs";

const press = (id, more = {}) => ({ submission_id: id, activity_id: ACTIVITY, round: 1, data: { selected: ["a"] }, revision: 1, ...more });
const acceptance = (id, epoch, offset) => ({ submission_id: id, receipt: `r-${id}`, epoch, offset });

test("an entry stays until a saved offset of its own epoch reaches it", () => {
  const outbox = new Outbox(new FakeStorage(), "s", "p");
  outbox.press(press("1"));
  assert.deepEqual(outbox.settle("e1", 1_000), [], "not even counted");
  outbox.accept(acceptance("1", "e1", 7));
  assert.deepEqual(outbox.settle("e1", 6), []);
  assert.deepEqual(outbox.settle("e2", 1_000), [], "another epoch says nothing about this one");
  assert.deepEqual(outbox.settle("e1", 7).map((entry) => entry.submission_id), ["1"]);
  assert.deepEqual(outbox.entries, []);
});

test("entries survive a reload in the order of the presses, with receipts", () => {
  const storage = new FakeStorage();
  const before = new Outbox(storage, "s", "p");
  before.press(press("2"));
  before.press(press("1"));
  before.press(press("3"));
  before.accept(acceptance("2", "e1", 5));
  before.refuse("3");
  const after = new Outbox(storage, "s", "p");
  assert.deepEqual(after.entries.map((entry) => [entry.submission_id, entry.state, entry.receipt]), [["1", "waiting", null], ["2", "counted", "r-2"]]);
  assert.deepEqual(new Outbox(storage, "s", "someone else").entries, []);
  assert.deepEqual(new Outbox(storage, "another session", "p").entries, []);
});

test("two tabs of one person do not overwrite one another", () => {
  const storage = new FakeStorage();
  const [left, right] = [new Outbox(storage, "s", "p"), new Outbox(storage, "s", "p")];
  left.press(press("1"));
  right.press(press("2"));
  left.refuse("1");
  assert.deepEqual(new Outbox(storage, "s", "p").entries.map((entry) => entry.submission_id), ["2"]);
});

test("a full outbox takes no more presses and loses none", () => {
  const outbox = new Outbox(new FakeStorage(), "s", "p", 2);
  assert.ok(outbox.press(press("1")));
  assert.ok(outbox.press(press("2")));
  assert.equal(outbox.press(press("3")), null);
  assert.equal(outbox.entries.length, 2);
});

test("without usable storage the list lives in memory, and says so", () => {
  const storage = new FakeStorage();
  storage.isFull = true;
  for (const outbox of [new Outbox(null, "s", "p"), new Outbox(storage, "s", "p")]) {
    outbox.press(press("1"));
    assert.equal(outbox.durable, false);
    assert.equal(outbox.find("1").state, "waiting");
  }
});

test("a storage that has room again takes what it could not take before", () => {
  const storage = new FakeStorage();
  const outbox = new Outbox(storage, "s", "p");
  storage.isFull = true;
  outbox.press(press("1"));
  assert.equal(outbox.durable, false);
  storage.isFull = false;
  outbox.press(press("2"));
  assert.equal(outbox.durable, true);
  assert.deepEqual(new Outbox(storage, "s", "p").entries.map((entry) => entry.submission_id), ["1", "2"]);
});

test("what is not an entry in storage is left alone", () => {
  const storage = new FakeStorage();
  storage.setItem("plenum.outbox.s.p.x", "{half");
  storage.setItem("plenum.outbox.s.p.y", "null");
  assert.deepEqual(new Outbox(storage, "s", "p").entries, []);
});

test("a new epoch sends counted entries back to waiting, receipts kept", () => {
  const entries = [
    { ...makeEntry(press("1")), state: "counted", epoch: "e1", offset: 3, receipt: "r" },
    { ...makeEntry(press("2")), state: "counted", epoch: "e2", offset: 4, receipt: "q" },
  ];
  assert.deepEqual(fallBack(entries, "e2").map((entry) => [entry.state, entry.receipt]), [["waiting", "r"], ["counted", "q"]]);
});

test("settle keeps waiting entries whatever the offset", () => {
  const { kept, saved } = settle([makeEntry(press("1"))], null, 99);
  assert.deepEqual([kept.length, saved.length], [1, 0]);
});

test("a change's revision is above all this device knows of the same response", () => {
  const waiting = [makeEntry(press("1", { revision: 3 })), makeEntry(press("2", { revision: 9, round: 2 }))];
  const mine = [{ entry: "", round: 1, revision: 5 }, { entry: "q:1", round: 1, revision: 8 }];
  assert.equal(nextRevision([], [], ACTIVITY, 1), 1);
  assert.equal(nextRevision(waiting, [], ACTIVITY, 1), 4);
  assert.equal(nextRevision(waiting, mine, ACTIVITY, 1), 6);
  assert.equal(nextRevision(waiting, mine, ACTIVITY, 1, "q:1"), 9);
  assert.equal(nextRevision(waiting, mine, ACTIVITY, 2), 10);
});

test("commands carry exactly what the wire asks for", () => {
  const entry = { ...makeEntry(press("1", { metadata: { device_type: "mobile" } })), receipt: "r" };
  assert.deepEqual(commandOf(entry), {
    type: "submit", activity_id: ACTIVITY, submission_id: "1", data: { selected: ["a"] }, round: 1, revision: 1,
    receipt: "r", metadata: { device_type: "mobile" },
  });
  // The server knows an ordinary press at a glance by this order, with the answer as the last.
  const ordinary = commandOf(makeEntry(press("1", { metadata: { device_type: "mobile" } })));
  assert.deepEqual(Object.keys(ordinary), ["type", "activity_id", "submission_id", "round", "revision", "metadata", "data"]);
  assert.deepEqual(commandOf(makeEntry(press("2", { withdraw: true, data: null, revision: 4 }))), {
    type: "withdraw", activity_id: ACTIVITY, submission_id: "2", entry: "", round: 1, revision: 4, receipt: null,
  });
});

test("of one own response the higher revision stands", () => {
  const mine = new Map([[ACTIVITY, [{ entry: "", round: 1, revision: 2, data: "new" }]]]);
  const merged = mergeOwn(mine, { [ACTIVITY]: [{ entry: "", round: 1, revision: 1, data: "old" }, { entry: "x", round: 1, revision: 1 }] });
  assert.deepEqual(merged.get(ACTIVITY).map((each) => [each.entry, each.data]), [["", "new"], ["x", undefined]]);
  assert.equal(mine.get(ACTIVITY).length, 1, "what was given is not changed");
});
