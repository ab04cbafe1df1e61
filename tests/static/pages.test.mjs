// What holds for all files of the pages: they find one another, say only known texts, and keep to the house's rules.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { LANGUAGES } from "../../realtime/web/static/app/i18n.js";
import { TYPES } from "../../realtime/web/static/app/parts.js";

const STATIC = fileURLToPath(new URL("../../realtime/web/static/", import.meta.url));
const files = readdirSync(STATIC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(STATIC, join(entry.parentPath ?? entry.path, entry.name)));
const modules = files.filter((name) => name.endsWith(".js"));
const read = (name) => readFileSync(join(STATIC, name), "utf8");
const importsOf = (text) => [...text.matchAll(/(?:from|import)\s+"([^"]+)"/g)].map((match) => match[1]);

test("pages name only files that exist, by version", () => {
  // What is generated (the reference) has links within itself besides, and is tested where it is made.
  for (const page of files.filter((name) => name.startsWith("pages/"))) {
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

const PARTS = ["", ".types", ".present", ".build", ".results", ".import"];
const catalogue = async (language, part) => (await import(`../../realtime/web/static/app/texts/${language}${part}.js`)).default;
const [common, types, presenters, building, reporting, importing] = await Promise.all(PARTS.map((part) => catalogue("en", part)));

test("every text that is asked for is in the catalogue of its page", () => {
  const ofPage = { ...common };
  const ofType = { ...common, ...types };
  const ofPresenter = { ...common, ...types, ...presenters, ...building, ...importing };
  const ofResults = { ...common, ...types, ...reporting };
  for (const name of modules.filter((each) => !each.includes("texts/"))) {
    const known = /results|embed/.test(name) ? ofResults : /present|screen|dialogs/.test(name) ? ofPresenter : /controls|charts/.test(name) ? ofType : ofPage;
    for (const [, key] of read(name).matchAll(/\bt\("([\w.]+)"/g)) assert.ok(key in known, `${name}: ${key}`);
  }
});

test("fields, kinds and choices of the builder all have a name", () => {
  const forms = read("app/present/forms.js");
  for (const [, key] of forms.matchAll(/label: "(\w+)"/g)) assert.ok(`field.${key}` in building, key);
  for (const [, key] of forms.matchAll(/(?:tick|number|choice)\("(\w+)"/g)) assert.ok(`field.${key}` in building, key);
  for (const type of TYPES) assert.ok(`kind.${type}` in building, type);
});

test("texts of several forms have the one that every language has", () => {
  for (const [key, text] of Object.entries({ ...common, ...types, ...presenters, ...building, ...reporting, ...importing })) {
    assert.ok(typeof text === "string" || text.other, key);
  }
});

test("every language says everything, with the same things to fill in", async () => {
  const places = (text) => [...(typeof text === "string" ? text : text.other).matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
  for (const language of Object.keys(LANGUAGES)) {
    for (const part of PARTS) {
      const [english, other] = await Promise.all([catalogue("en", part), catalogue(language, part)]);
      assert.deepEqual(Object.keys(other).sort(), Object.keys(english).sort(), `${language}${part}`);
      for (const [key, text] of Object.entries(english)) {
        assert.deepEqual(places(other[key]), places(text), `${language}: ${key}`);
        assert.equal(typeof other[key], typeof text, `${language}: ${key}`);
      }
    }
  }
});

test("what runs before the first paint knows the same languages", () => {
  const [, list] = /const languages = \[([^\]]+)\]/.exec(read("app/theme.js"));
  assert.deepEqual([...list.matchAll(/"(\w+)"/g)].map((match) => match[1]), Object.keys(LANGUAGES));
});

test("every type has a control and a chart, loaded only when they are needed", () => {
  const first = new Set(["app/join.js"]);
  for (const name of first) for (const target of importsOf(read(name))) if (/\.js$/.test(target)) first.add(join(dirname(name), target));
  for (const type of TYPES) {
    for (const folder of ["controls", "charts"]) {
      const name = `app/${folder}/${type}.js`;
      assert.ok(existsSync(join(STATIC, name)), name);
      assert.ok(!first.has(name), `${name} is loaded at first`);
    }
  }
});
