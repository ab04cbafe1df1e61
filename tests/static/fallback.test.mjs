import assert from "node:assert/strict";
import test from "node:test";

import { Connection } from "../../realtime/web/static/app/connection.js";
import { Outbox } from "../../realtime/web/static/app/outbox.js";
import { ACTIVITY, delta, FakeClock, FakeStorage, makeNetwork, snapshot } from "./fakes.mjs";

/** A client whose network lets no WebSocket through, and the HTTP requests it makes. */
function setUp() {
  const clock = new FakeClock();
  const network = makeNetwork();
  const requests = [];
  let notify = () => {};
  const connection = new Connection({
    sessionId: "s", ticket: "T", origin: "http://hall", outbox: new Outbox(new FakeStorage(), "s", "p"),
    WebSocket: network.WebSocket, clock, random: () => 0.5, makeId: () => "id-1",
    fetch: (url, init) => new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      requests.push({ url, init, resolve, reject });
      notify();
    }),
  });
  /** The n-th request, as soon as it is made. */
  const request = async (n) => {
    while (requests.length <= n) await new Promise((resolve) => (notify = resolve));
    return requests[n];
  };
  const log = [];
  connection.on("status", (status) => log.push(status));
  connection.on("closed", ({ code }) => log.push(code));
  connection.on("refused", ({ code }) => log.push(code));
  connection.on("receipt", ({ change }) => log.push(change));
  connection.start();
  for (let i = 0; i < 3; i += 1) {
    clock.pass(5_000);
    network.socket.end(1006);
  }
  return { clock, network, connection, request, requests, log };
}

const json = (body, status = 200, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

test("three sockets that never open lead to plain HTTP, as a stream first", async () => {
  const { request } = setUp();
  const { url, init } = await request(0);
  assert.equal(url, "http://hall/api/v1/sessions/s/changes?wait=25");
  assert.deepEqual([init.headers.Accept, init.headers.Authorization], ["text/event-stream", "Bearer T"]);
});

test("polling asks from the own position, and never more than once a second", async () => {
  const { clock, connection, request, requests, log } = setUp();
  (await request(0)).resolve(json({ ...snapshot("e1", 5, { a: 1 }), mine: {}, position: {} }));
  await until(() => connection.status === "degraded");
  await settled();
  assert.equal(requests.length, 1);
  clock.pass(1_000);
  const { url, resolve } = await request(1);
  assert.equal(url, "http://hall/api/v1/sessions/s/changes?wait=25&epoch=e1&since=5");
  resolve(json(delta("e1", 5, 6, { a: 2 })));
  await until(() => connection.state.map.get("a") === 2);
  assert.deepEqual(log, ["degraded"]);
});

test("a stream of events is followed, however it is cut into pieces", async () => {
  const { connection, request } = setUp();
  let send;
  const body = new ReadableStream({ start: (controller) => (send = (text) => controller.enqueue(new TextEncoder().encode(text))) });
  (await request(0)).resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  const first = JSON.stringify(snapshot("e1", 5, { a: "ä" }));
  send(`: hello\n\nevent: state\nid: 5\ndata: ${first.slice(0, 30)}`);
  send(`${first.slice(30)}\r\n\r\n`);
  await until(() => connection.state?.map.get("a") === "ä");
  send(`data: ${JSON.stringify(delta("e1", 5, 6, { a: "b" }))}\n\n`);
  await until(() => connection.state.map.get("a") === "b");
  connection.stop();
});

test("an answer is posted, counted, and saved by a later document", async () => {
  const { clock, connection, request, log } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5, { [`activity:${ACTIVITY}`]: { type: "poll" } })));
  await until(() => connection.status === "degraded");
  connection.press({ activity_id: ACTIVITY, round: 1, data: { selected: ["a"] } });
  const { url, init, resolve } = await request(1);
  assert.equal(url, `http://hall/api/v1/sessions/s/activities/${ACTIVITY}/responses`);
  const { response_data, ...rest } = JSON.parse(init.body);
  assert.deepEqual(response_data, { type: "poll", version: 1, data: { selected: ["a"] }, metadata: {} });
  assert.deepEqual(rest, { submission_id: "id-1", revision: 1, receipt: null, round: 1, entry: null });
  resolve(json({ id: "r", epoch: "e1", offset: 6, receipt: "R" }, 201));
  await until(() => log.includes("counted"));
  clock.pass(1_000);
  (await request(2)).resolve(json(delta("e1", 5, 7, { saved: 6 })));
  await until(() => log.includes("saved"));
});

test("over POST, too, a refusal is final and an overload is tried again with the same id", async () => {
  const { clock, connection, request, log } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5)));
  await until(() => connection.status === "degraded");
  connection.press({ activity_id: ACTIVITY, round: 1, data: {} });
  (await request(1)).resolve(json({ code: "overloaded", detail: "" }, 503, { "Retry-After": "2" }));
  await settled();
  clock.pass(2_000);
  const again = await until(async () => (await request(2)).url.endsWith("/responses") ? request(2) : request(3));
  assert.equal(JSON.parse(again.init.body).submission_id, "id-1");
  again.resolve(json({ code: "activity_closed", detail: "Too late." }, 409));
  await until(() => log.includes("activity_closed"));
});

test("a ticket that is refused ends it", async () => {
  const { connection, request, log } = setUp();
  (await request(0)).resolve(json({ code: "unauthenticated", detail: "Join again." }, 401));
  await until(() => connection.status === "closed");
  assert.ok(log.includes("unauthenticated"));
});

test("where HTTP fails as well, the socket is tried again, then HTTP", async () => {
  const { clock, network, request, connection } = setUp();
  const before = network.sockets.length;
  (await request(0)).reject(new TypeError("network"));
  await settled();
  clock.pass(30_000);
  assert.ok(network.sockets.length > before);
  assert.equal(connection.status, "connecting");
  network.socket.end(1006);
  assert.match((await request(1)).url, /changes/);
});

test("a socket that opens later takes over from plain HTTP", async () => {
  const { clock, network, connection, request } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5)));
  await until(() => connection.status === "degraded");
  const before = network.sockets.length;
  clock.pass(61_000);
  assert.equal(network.sockets.length, before + 1);
  network.socket.accept();
  const you = { role: "participant" };
  const state = delta("e1", 5, 6);
  network.socket.reply("welcome", { you, heartbeat_ms: 10_000, mine: {}, state, server_time_ms: 1, durability: "fsync" }, network.socket.last("hello"));
  assert.equal(connection.status, "online");
});

async function settled() {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What `condition` gives once it is true; fails after two seconds. */
async function until(condition) {
  const deadline = Date.now() + 2_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a request that nobody answers is given up, and the person is told", async () => {
  const { clock, connection, request, log } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5)));
  await until(() => connection.status === "degraded");
  clock.pass(1_000);
  assert.equal((await request(1)).init.headers.Accept, "text/event-stream"); // swallowed
  clock.pass(10_000);
  assert.equal((await request(2)).init.headers.Accept, "application/json"); // swallowed as well
  assert.equal(connection.status, "degraded");
  clock.pass(40_000);
  await until(() => log.includes("offline"));
});

test("an answer whose POST hangs is posted again", async () => {
  const { clock, connection, request, log } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5)));
  await until(() => connection.status === "degraded");
  connection.press({ activity_id: ACTIVITY, round: 1, data: {} });
  assert.match((await request(1)).url, /responses$/); // swallowed
  clock.pass(20_000);
  await settled();
  clock.pass(2_000);
  const again = await until(async () => ((await request(2)).url.endsWith("/responses") ? request(2) : request(3)));
  assert.equal(JSON.parse(again.init.body).submission_id, "id-1");
  again.resolve(json({ id: "r", epoch: "e1", offset: 6 }, 201));
  await until(() => log.includes("counted"));
});

test("a page that is shown again asks at once, over plain HTTP as well", async () => {
  const { connection, clock, network, request } = setUp();
  (await request(0)).resolve(json(snapshot("e1", 5)));
  await until(() => connection.status === "degraded");
  clock.pass(1_000);
  await request(1); // waits since before the phone slept
  const sockets = network.sockets.length;
  connection.probe();
  await request(2);
  clock.pass(500);
  assert.equal(network.sockets.length, sockets + 1); // and the network may be another one now
});

test("an answer is taken back over plain HTTP too", async () => {
  const { clock, connection, request, log } = setUp();
  const mine = { [ACTIVITY]: [{ response_id: "r1", entry: "", round: 1, revision: 1, submission_id: "id-0", offset: 4, data: {} }] };
  (await request(0)).resolve(json({ ...snapshot("e1", 5), mine }));
  await until(() => connection.status === "degraded");
  connection.press({ activity_id: ACTIVITY, round: 1, withdraw: true });
  const { url, init, resolve } = await request(1);
  assert.deepEqual([url, init.method], ["http://hall/api/v1/responses/r1", "DELETE"]);
  resolve(new Response(null, { status: 204 }));
  await until(() => connection.mine.get(ACTIVITY)[0].withdrawn === true);
  assert.equal(connection.outbox.entries.length, 0);
  assert.ok(log.includes("counted"));
  clock.pass(1_000);
});

test("over plain HTTP the server's clock is known by the date of its answers", async () => {
  const { clock, connection, request } = setUp();
  const date = new Date(clock.now() + 3_600_000).toUTCString();
  (await request(0)).resolve(json(snapshot("e1", 5), 200, { Date: date }));
  await until(() => connection.status === "degraded");
  assert.ok(Math.abs(connection.serverNowMs() - clock.now() - 3_600_000) <= 1_000);
});
