// What holds for all files of the pages: they find one another, say only known texts, and keep to the house's rules.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import english from "../../realtime/web/static/app/texts/en.js";
import presenters from "../../realtime/web/static/app/texts/en.present.js";

const STATIC = fileURLToPath(new URL("../../realtime/web/static/", import.meta.url));
const files = readdirSync(STATIC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(STATIC, join(entry.parentPath ?? entry.path, entry.name)));
const modules = files.filter((name) => name.endsWith(".js"));
const read = (name) => readFileSync(join(STATIC, name), "utf8");
const importsOf = (text) => [...text.matchAll(/(?:from|import)\s+"([^"]+)"/g)].map((match) => match[1]);

test("pages name only files that exist, by version", () => {
  for (const page of files.filter((name) => name.endsWith(".html"))) {
    const links = [...read(page).matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1]);
    assert.ok(links.length > 3, page);
    for (const link of links) {
      assert.ok(link.startsWith("/static/VERSION/"), `${page}: ${link}`);
      assert.ok(existsSync(join(STATIC, link.slice("/static/VERSION/".length))), `${page}: ${link}`);
    }
  }
});

test("pages have no inline script or style, which the policy forbids", () => {
  for (const page of files.filter((name) => name.endsWith(".html"))) {
    assert.doesNotMatch(read(page), /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/, page);
  }
});

test("modules import only files that exist, relatively", () => {
  for (const name of modules) {
    for (const target of importsOf(read(name))) {
      assert.match(target, /^\.{1,2}\//, `${name}: ${target}`);
      assert.ok(existsSync(join(STATIC, dirname(name), target)), `${name}: ${target}`);
    }
  }
});

test("no module turns text into markup, is longer than 400 lines, or loads from another host", () => {
  for (const name of modules) {
    const text = read(name);
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, name);
    assert.doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /["']https?:\/\/[a-z]/, name);
    assert.ok(text.split("\n").length <= 401, name);
  }
});

test("every text that is asked for is in the catalogue of its page", () => {
  const ofPage = { ...english };
  const ofPresenter = { ...english, ...presenters };
  for (const name of modules.filter((each) => !each.includes("texts/"))) {
    const isPresenters = /present|screen|dialogs/.test(name);
    for (const [, key] of read(name).matchAll(/\bt\("([\w.]+)"/g)) {
      assert.ok(key in (isPresenters ? ofPresenter : ofPage), `${name}: ${key}`);
    }
  }
});

test("texts of several forms have the one that every language has", () => {
  for (const [key, text] of Object.entries({ ...english, ...presenters })) {
    assert.ok(typeof text === "string" ? text : text.other, key);
  }
});
