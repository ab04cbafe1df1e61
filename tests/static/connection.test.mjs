import assert from "node:assert/strict";
import test from "node:test";

import { Connection } from "../../realtime/web/static/app/connection.js";
import { Outbox } from "../../realtime/web/static/app/outbox.js";
import { accepted, ACTIVITY, delta, FakeClock, FakeStorage, makeNetwork, snapshot, welcome } from "./fakes.mjs";

function setUp({ storage = new FakeStorage(), presenter = false } = {}) {
  const clock = new FakeClock();
  const network = makeNetwork();
  let ids = 0;
  const fetches = [];
  const connection = new Connection({
    sessionId: "s", ticket: "T", origin: "http://hall", outbox: presenter ? null : new Outbox(storage, "s", "p"),
    WebSocket: network.WebSocket, clock, random: () => 0.5,
    fetch: (...given) => new Promise((resolve, reject) => fetches.push({ given, resolve, reject })),
    makeId: () => `id-${(ids += 1)}`,
  });
  const log = [];
  for (const name of ["status", "closed", "refused"]) connection.on(name, (value) => log.push([name, value]));
  connection.on("receipt", ({ entry, change }) => log.push([change, entry.submission_id]));
  connection.start();
  return { clock, network, connection, log, storage, fetches };
}

function goOnline(context, state = snapshot("e1", 5, { saved: 5 }), mine = {}) {
  const { socket } = context.network;
  socket.accept();
  socket.reply("welcome", welcome(state, mine), socket.last("hello"));
  return socket;
}

const answer = { activity_id: ACTIVITY, round: 1, data: { selected: ["a"] } };

test("the first frame is hello with the ticket, never in the URL", () => {
  const context = setUp();
  const socket = goOnline(context);
  assert.equal(socket.url, "ws://hall/ws");
  assert.deepEqual(socket.protocols, ["plenum.v1"]);
  const { id, ...hello } = socket.sent[0];
  assert.deepEqual(hello, { type: "hello", ticket: "T", protocol: 1, position: null, client: { name: "plenum-web", version: "1" } });
  assert.ok(Number.isInteger(id));
  assert.deepEqual(context.log, [["status", "online"]]);
  assert.equal(context.connection.serverNowMs(), 1_700_000_005_000);
});

test("an answer goes from waiting over counted to saved", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.connection.press(answer);
  const sent = socket.last("submit");
  assert.equal(sent.submission_id, "id-1");
  socket.reply("accepted", accepted(sent, "e1", 6), sent);
  assert.deepEqual(context.connection.mine.get(ACTIVITY)[0].data, { selected: ["a"] });
  socket.push(delta("e1", 5, 7, { saved: 6 }));
  assert.deepEqual(context.log.slice(1), [["waiting", "id-1"], ["counted", "id-1"], ["saved", "id-1"]]);
  assert.equal(context.storage.length, 0);
});

test("answers pressed offline are sent once, after the welcome, and resent with receipt until saved", () => {
  const context = setUp();
  context.connection.press(answer);
  const first = goOnline(context);
  assert.equal(first.all("submit").length, 1);
  const sent = first.last("submit");
  first.reply("accepted", accepted(sent, "e1", 6), sent);
  first.end(1006);
  context.clock.pass(30_000);
  const second = goOnline(context, delta("e1", 5, 6, {}));
  assert.deepEqual(second.sent[0].position, { epoch: "e1", offset: 5 });
  assert.deepEqual(second.all("submit").map((frame) => [frame.submission_id, frame.receipt]), [["id-1", "receipt-e1-6"]]);
});

test("all unsaved answers are resent in the order of the presses", () => {
  const context = setUp();
  for (const round of [1, 2, 3]) context.connection.press({ ...answer, round });
  goOnline(context);
  assert.deepEqual(context.network.socket.all("submit").map((frame) => frame.submission_id), ["id-1", "id-2", "id-3"]);
});

test("a reload sends what the last page left", () => {
  const before = setUp();
  before.connection.press(answer);
  const after = setUp({ storage: before.storage });
  assert.equal(goOnline(after).last("submit").submission_id, "id-1");
});

test("a change has the next revision, also after a reload that knows only the own responses", () => {
  const context = setUp();
  const own = { response_id: "r", entry: "", round: 1, revision: 4, submission_id: "x", offset: 2, data: {}, withdrawn: false };
  const socket = goOnline(context, snapshot("e1", 5), { [ACTIVITY]: [own] });
  context.connection.press(answer);
  context.connection.press(answer);
  assert.deepEqual(socket.all("submit").map((frame) => frame.revision), [5, 6]);
});

test("refused is final and told; superseded is silent", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.connection.press(answer);
  socket.reply("refused", { code: "activity_closed", message: "Too late.", details: {} }, socket.last("submit"));
  const [name, { entry, code, message }] = context.log.at(-1);
  assert.deepEqual([name, entry.submission_id, code, message], ["refused", "id-1", "activity_closed", "Too late."]);
  context.connection.press(answer);
  socket.reply("refused", { code: "superseded", message: "", details: {} }, socket.last("submit"));
  assert.deepEqual(context.log.at(-1), ["superseded", "id-2"]);
  assert.equal(context.connection.outbox.entries.length, 0);
});

test("retry waits as told and sends the same submission id", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.connection.press(answer);
  socket.reply("retry", { code: "overloaded", message: "", after_ms: 2_000, details: {} }, socket.last("submit"));
  context.clock.pass(1_999);
  assert.equal(socket.all("submit").length, 1);
  context.clock.pass(1_000);
  assert.deepEqual(socket.all("submit").map((frame) => frame.submission_id), ["id-1", "id-1"]);
});

test("a new epoch resends what an earlier one had counted", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.connection.press(answer);
  const sent = socket.last("submit");
  socket.reply("accepted", accepted(sent, "e1", 6), sent);
  socket.push(snapshot("e2", 1_000, { saved: 1_000 }));
  assert.equal(context.connection.outbox.entries.length, 1, "saved of another epoch forgets nothing");
  assert.deepEqual(socket.all("submit").map((frame) => frame.receipt), [undefined, "receipt-e1-6"]);
  const again = socket.last("submit");
  socket.reply("accepted", accepted(again, "e2", 1_001), again);
  socket.push(delta("e2", 1_000, 1_002, { saved: 1_001 }));
  assert.equal(context.connection.outbox.entries.length, 0);
});

test("a gap is asked for once and healed by the reply", () => {
  const context = setUp();
  const socket = goOnline(context);
  socket.push(delta("e1", 9, 10, { a: 1 }));
  socket.push(delta("e1", 10, 11, { a: 2 }));
  assert.equal(socket.all("sync").length, 1);
  assert.deepEqual(socket.last("sync").position, { epoch: "e1", offset: 5 });
  socket.reply("synced", { mine: {}, state: delta("e1", 5, 11, { a: 2 }) }, socket.last("sync"));
  assert.equal(context.connection.state.map.get("a"), 2);
});

test("a beat from ahead is a gap as well", () => {
  const context = setUp();
  const socket = goOnline(context);
  socket.push({ type: "beat", epoch: "e1", offset: 5, server_time_ms: 1 });
  assert.equal(socket.all("sync").length, 0);
  socket.push({ type: "beat", epoch: "e1", offset: 6, server_time_ms: 1 });
  assert.equal(socket.all("sync").length, 1);
});

test("close codes from 4500 end it for good, with the server's reason", () => {
  const context = setUp();
  const socket = goOnline(context);
  socket.push({ type: "closing", close_code: 4501, code: "removed", message: "You were removed.", reconnect: false });
  socket.end(4501);
  context.clock.pass(600_000);
  assert.equal(context.network.sockets.length, 1);
  assert.deepEqual(context.log.at(-1), ["closed", { code: "removed", message: "You were removed.", close_code: 4501 }]);
});

test("a refused hello gives the reason of the close that follows", () => {
  const context = setUp();
  const { socket } = context.network;
  socket.accept();
  socket.reply("refused", { code: "unauthenticated", message: "Join again.", details: {} });
  socket.end(4500);
  assert.equal(context.log.at(-1)[1].code, "unauthenticated");
});

for (const code of [1000, 1001, 1006, 1012, 4000, 4003, 4499]) {
  test(`close code ${code} reconnects`, () => {
    const context = setUp();
    goOnline(context).end(code);
    assert.equal(context.connection.status, "offline");
    context.clock.pass(500);
    assert.equal(context.network.sockets.length, 2);
  });
}

test("the backoff doubles up to half a minute with full jitter, and a stable connection ends it", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.clock.pass(5_000);
  socket.end();
  const waits = [];
  for (let i = 0; i < 9; i += 1) {
    const count = context.network.sockets.length;
    const from = context.clock.time;
    while (context.network.sockets.length === count) context.clock.pass(50);
    waits.push(context.clock.time - from);
    context.network.socket.push({ type: "closing", close_code: 4005, code: "overloaded", message: "", reconnect: true });
    context.network.socket.end(4005);
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]); // random() is 0.5
});

test("going_away is honoured to the millisecond", () => {
  const context = setUp();
  const socket = goOnline(context);
  socket.push({ type: "going_away", delay_ms: 7_000 });
  context.clock.pass(1_000);
  socket.end(4000);
  context.clock.pass(5_999);
  assert.equal(context.network.sockets.length, 1);
  context.clock.pass(1);
  assert.equal(context.network.sockets.length, 2);
});

test("a server that went away without closing is left after its delay", () => {
  const context = setUp();
  goOnline(context).push({ type: "going_away", delay_ms: 7_000 });
  context.clock.pass(7_001);
  assert.equal(context.network.sockets.length, 2);
});

test("the watchdog drops a socket after two silent heartbeats, and pings keep it from being silent itself", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.clock.pass(19_000);
  assert.ok(socket.all("ping").length >= 1);
  assert.equal(socket.isClosed, false);
  socket.push({ type: "beat", epoch: "e1", offset: 5, server_time_ms: 1 });
  context.clock.pass(19_000);
  assert.equal(socket.isClosed, false);
  context.clock.pass(8_000);
  assert.equal(socket.isClosed, true);
  assert.equal(context.connection.status, "offline");
});

test("a socket that never opens is given up", () => {
  const context = setUp();
  context.clock.pass(10_001);
  assert.equal(context.network.sockets[0].isClosed, true);
  context.clock.pass(500);
  assert.equal(context.network.sockets.length, 2);
});

test("a probe finds a dead socket within seconds, and keeps a living one", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.clock.pass(100);
  context.connection.probe();
  socket.reply("pong", { server_time_ms: 1 }, socket.last("ping"));
  context.clock.pass(4_000);
  assert.equal(socket.isClosed, false);
  context.connection.probe();
  context.clock.pass(3_001);
  assert.equal(socket.isClosed, true);
});

test("a probe while waiting tries at once", () => {
  const context = setUp();
  goOnline(context).end();
  for (let i = 0; i < 5; i += 1) {
    while (context.network.socket.isClosed) context.clock.pass(50);
    context.network.socket.end();
  }
  const count = context.network.sockets.length;
  context.connection.probe();
  context.clock.pass(250);
  assert.equal(context.network.sockets.length, count + 1);
});

test("where a socket worked before, six mute ones in a row lead to plain HTTP, and a socket is tried soon", () => {
  const context = setUp();
  goOnline(context).end();
  for (let i = 0; i < 6; i += 1) {
    assert.equal(context.fetches.length, 0);
    while (context.network.socket.isClosed) context.clock.pass(50);
    context.network.socket.end();
  }
  assert.equal(context.fetches.length, 1);
  const count = context.network.sockets.length;
  context.clock.pass(5_000);
  assert.equal(context.network.sockets.length, count + 1);
  context.connection.stop();
});

test("requests resolve, are refused, retried, and rejected when the connection is lost", async () => {
  const context = setUp({ presenter: true });
  await assert.rejects(context.connection.request({ type: "move" }), { code: "disconnected" });
  const socket = goOnline(context);
  const done = context.connection.request({ type: "move", activity_id: ACTIVITY, to: "active" });
  socket.reply("retry", { code: "recovering", message: "", after_ms: 100, details: {} });
  context.clock.pass(150);
  assert.equal(socket.all("move").length, 2);
  socket.reply("done", { result: { version: 3 } });
  assert.deepEqual(await done, { version: 3 });
  const refused = context.connection.request({ type: "reveal", activity_id: ACTIVITY });
  socket.reply("refused", { code: "version_conflict", message: "", details: { version: 4 } });
  await assert.rejects(refused, { code: "version_conflict", details: { version: 4 } });
  const lost = context.connection.request({ type: "move" });
  const late = context.connection.request({ type: "move" });
  context.clock.pass(15_001);
  await assert.rejects(late, { code: "timeout" });
  await assert.rejects(lost, { code: "timeout" });
  const cut = context.connection.request({ type: "move" });
  context.network.socket.end();
  await assert.rejects(cut, { code: "disconnected" });
});

test("own responses pushed from another device are taken in", () => {
  const context = setUp();
  const socket = goOnline(context);
  const own = { response_id: "r", entry: "", round: 1, revision: 2, submission_id: "x", offset: 8, data: { selected: ["b"] }, withdrawn: false };
  socket.push({ type: "mine", mine: { [ACTIVITY]: [own] } });
  assert.deepEqual(context.connection.mine.get(ACTIVITY), [own]);
});

test("frames of later versions are ignored", () => {
  const context = setUp();
  goOnline(context).push({ type: "confetti", amount: 3 });
  assert.equal(context.connection.status, "online");
});

test("stop closes the socket and stays stopped", () => {
  const context = setUp();
  const socket = goOnline(context);
  context.connection.stop();
  context.clock.pass(600_000);
  assert.deepEqual([socket.isClosed, context.network.sockets.length, context.connection.status], [true, 1, "closed"]);
});

test("a clock that is set back keeps no dead socket alive, and makes no pause longer", () => {
  const context = setUp();
  goOnline(context);
  context.clock.set(-3_600_000);
  for (let i = 0; i < 8; i += 1) context.clock.pass(5_000);
  assert.equal(context.network.sockets[0].isClosed, true);

  const leaving = setUp();
  const socket = goOnline(leaving);
  socket.push({ type: "going_away", delay_ms: 2_000 });
  leaving.clock.set(-3_600_000);
  socket.end(1012);
  leaving.clock.pass(2_000);
  assert.equal(leaving.network.sockets.length, 2);
});
