// The TypeScript declarations name what the modules export, and nothing else.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";

const read = (name) => readFileSync(new URL(`../../realtime/web/static/app/${name}`, import.meta.url), "utf8");
const DECLARED = ["connection", "sync", "outbox", "fallback", "browser", "uuid7"];

/** Exported names, and of each class its public members. */
function surface(text, isDeclaration) {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const names = [...code.matchAll(/^export (?:async )?(?:class|function|const) (\w+)/gm)].map((match) => match[1]);
  const members = {};
  for (const [, name, body] of code.matchAll(/^export class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
    const own = [...body.matchAll(/^ {2}(?:async |get )?(\w+)(?:<[^>]*>)?(?:\(| =|: |;)/gm)].map((match) => match[1]);
    const made = isDeclaration ? [] : [...body.matchAll(/^ {4}this\.(\w+) = /gm)].map((match) => match[1]);
    members[name] = [...new Set([...own, ...made])].sort();
  }
  return { names: names.sort(), members };
}

for (const name of DECLARED) {
  test(`${name}.d.ts declares what ${name}.js has`, () => {
    assert.deepEqual(surface(read(`${name}.d.ts`), true), surface(read(`${name}.js`), false));
  });
}

test("every declared module that another one needs is declared as well", () => {
  for (const name of DECLARED) {
    for (const [, target] of read(`${name}.d.ts`).matchAll(/from "\.\/(\w+)\.js"/g)) assert.ok(existsSync(new URL(`../../realtime/web/static/app/${target}.d.ts`, import.meta.url)), target);
  }
});

test("every event that is emitted is declared, and every declared one is emitted", () => {
  const code = read("connection.js") + read("delivery.js");
  const emitted = new Set([...code.matchAll(/\bemit\("(\w+)"/g)].map((match) => match[1]));
  const [, events] = /interface Events \{\n([\s\S]*?)\n\}/.exec(read("connection.d.ts"));
  assert.deepEqual([...events.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]).sort(), [...emitted].sort());
});
