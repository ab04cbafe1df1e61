// The import's catalogue has a sentence for everything that the server may find wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { spanText, sumsOf } from "../../realtime/web/static/app/results/course.js";
import texts from "../../realtime/web/static/app/texts/en.import.js";

const drafts = readFileSync(new URL("../../realtime/interchange/drafts.py", import.meta.url), "utf8");
const table = (name) => {
  const [, body] = new RegExp(`${name}: Final\\[Mapping\\[str, str\\]\\] = \\{\\n([\\s\\S]*?)\\n\\}`).exec(drafts);
  return [...body.matchAll(/^ {4}"(\w+)":/gm)].map((match) => match[1]);
};

test("every problem and every fault of a file has its sentence, and no other has", () => {
  const wanted = [...table("PROBLEMS").map((code) => `import.problem.${code}`), ...table("REASONS").map((code) => `import.fault.${code}`)].sort();
  assert.ok(wanted.length > 30);
  assert.deepEqual(Object.keys(texts).filter((key) => /^import\.(problem|fault)\./.test(key)).sort(), wanted);
});

test("answers add up along the curve, and lengths of time are said in fitting units", () => {
  globalThis.document ??= { documentElement: { lang: "en" } };
  assert.deepEqual(sumsOf([2, 0, 3]), [2, 2, 5]);
  assert.deepEqual([0.5, 45, 90, 600, 10_800, 259_200].map(spanText), ["0.5 seconds", "45 seconds", "90 seconds", "10 minutes", "3 hours", "3 days"]);
});
