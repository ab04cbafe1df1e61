// The golden files are shared with tests/core: the same law in both languages.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { apply, GAP, isBehind, positionOf } from "../../realtime/web/static/app/sync.js";

const folder = new URL("../wire/sync/", import.meta.url);
const plain = (state) => ({ epoch: state.epoch, offset: state.offset, map: [...state.map].sort() });
const thaw = (state) => state && { ...state, map: new Map(Object.entries(state.map)) };

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  for (const { name, start, frames, expect } of JSON.parse(readFileSync(new URL(file, folder), "utf8"))) {
    test(`${file}: ${name}`, () => {
      let state = thaw(start);
      let isGap = false;
      for (const frame of frames) {
        const next = apply(state, frame);
        isGap = next === GAP;
        if (!isGap) state = next;
      }
      if (expect === "gap") assert.equal(isGap, true);
      else assert.deepEqual([isGap, plain(state)], [false, plain(thaw(expect))]);
    });
  }
}

test("the state given is never changed", () => {
  const state = { epoch: "e", offset: 1, map: new Map([["a", 1], ["b", 2]]) };
  apply(state, { type: "delta", epoch: "e", since: 1, offset: 2, set: { a: 5 }, removed: ["b"] });
  assert.deepEqual(plain(state), { epoch: "e", offset: 1, map: [["a", 1], ["b", 2]] });
});

test("a position is behind in another epoch or at a lower offset", () => {
  const state = { epoch: "e", offset: 7, map: new Map() };
  assert.deepEqual(positionOf(state), { epoch: "e", offset: 7 });
  assert.equal(positionOf(null), null);
  assert.equal(isBehind(state, { epoch: "e", offset: 7 }), false);
  assert.equal(isBehind(state, { epoch: "e", offset: 8 }), true);
  assert.equal(isBehind(state, { epoch: "f", offset: 7 }), true);
  assert.equal(isBehind(null, { epoch: "e", offset: 0 }), true);
});
