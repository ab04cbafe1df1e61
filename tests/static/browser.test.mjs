// What a browser gives to the pages: storage that is full or forbidden, listeners that can be taken off again.
import assert from "node:assert/strict";
import test from "node:test";

import { onReturn, recall, remember, storage } from "../../realtime/web/static/app/browser.js";
import { Outbox } from "../../realtime/web/static/app/outbox.js";
import { takeSeat } from "../../realtime/web/static/app/participant/seat.js";
import { loadSurely, wish } from "../../realtime/web/static/app/parts.js";
import { FakeStorage } from "./fakes.mjs";

function useStorage(made = new FakeStorage()) {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => made });
  return made;
}

test("a storage that is full still gives what it holds: the seat, and answers that wait", () => {
  const full = useStorage();
  remember("plenum.seat.ABC", { ticket: "T" });
  new Outbox(storage(), "s", "p").press({ submission_id: "1", activity_id: "a", round: 1, data: {} });
  full.isFull = true;
  assert.deepEqual(recall("plenum.seat.ABC"), { ticket: "T" });
  const outbox = new Outbox(storage(), "s", "p");
  assert.equal(outbox.entries.length, 1);
  assert.equal(outbox.durable, false); // what is pressed now would not be kept
});

test("a storage that is forbidden is none", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get() { throw new DOMException("no", "SecurityError"); } });
  assert.equal(storage(), null);
  assert.equal(recall("plenum.seat.ABC", "none"), "none");
});

test("who listened for a return can stop listening", () => {
  const [page, returns] = [new EventTarget(), []];
  Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), removeEventListener: page.removeEventListener.bind(page), document: Object.assign(new EventTarget(), { visibilityState: "visible" }) });
  const off = onReturn(() => returns.push("return"));
  const all = () => {
    page.dispatchEvent(new Event("online"));
    page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    document.dispatchEvent(new Event("visibilitychange"));
  };
  all();
  assert.equal(returns.length, 3);
  off();
  all();
  assert.equal(returns.length, 3);
  delete globalThis.document;
});

test("a join whose answer is cut off, or is a hotel's page, is told as the network's fault, and tried with the same id", async () => {
  useStorage();
  const asked = [];
  const cut = new ReadableStream({ pull(controller) { controller.error(new TypeError("network error")); } });
  for (const answer of [new Response("<!doctype html>Welcome to our Wi-Fi"), new Response(cut), new Response(cut, { status: 500 })]) {
    globalThis.fetch = async (_, { body }) => {
      asked.push(JSON.parse(body).join_id);
      return answer;
    };
    await assert.rejects(takeSeat("ABC234", "Ada"), (problem) => ["network", "internal"].includes(problem.code) && !(problem instanceof Error));
  }
  assert.equal(new Set(asked).size, 1);
});

test("a module that the network loses is asked for again, and not for ever", async () => {
  const pauses = [];
  const wait = async (ms) => pauses.push(ms);
  let failures = 3;
  const load = async () => {
    if ((failures -= 1) >= 0) throw new TypeError("Failed to fetch dynamically imported module");
    return "module";
  };
  assert.equal(await loadSurely(load, wait), "module");
  assert.equal(pauses.length, 3);
  failures = Infinity;
  await assert.rejects(loadSurely(load, wait));
  assert.ok(pauses.length < 20 && Math.max(...pauses) <= 10_000);
});

test("what was wished for comes once, and what was lost is asked for with the next wish", async () => {
  const answers = [Promise.reject(new TypeError("lost")), Promise.resolve("there"), Promise.resolve("twice")];
  let asked = 0;
  const came = [];
  const want = wish(() => answers[asked++], (found) => came.push(found));
  const first = want();
  want();
  assert.equal(asked, 1, "it is on its way");
  await first;
  assert.deepEqual(came, []);
  await want();
  await want();
  assert.equal(asked, 2);
  assert.deepEqual(came, ["there"]);
});
