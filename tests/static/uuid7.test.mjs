import assert from "node:assert/strict";
import test from "node:test";

import { makeUuid7, uuid7 } from "../../realtime/web/static/app/uuid7.js";

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids have version 7, the RFC's variant and the time in front", () => {
  assert.match(uuid7(), SHAPE);
  const make = makeUuid7(() => 0x017f22e279b0, (bytes) => bytes.fill(0));
  assert.equal(make().slice(0, 14), "017f22e2-79b0-"); // the example of RFC 9562, appendix A.6
});

test("ids rise within one millisecond, past the counter's end, and when the clock steps back", () => {
  let now = 1_000_000;
  const make = makeUuid7(() => now, (bytes) => bytes.fill(0xff));
  const ids = [];
  for (let i = 0; i < 10_000; i += 1) {
    if (i === 9_000) now -= 60_000;
    ids.push(make());
  }
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => SHAPE.test(id)));
});
