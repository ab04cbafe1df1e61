/** The fields of the builder by kind: each has an element and reads its part of the settings. */

import { h } from "../dom.js";
import { readNumber } from "../controls/numeric.js";
import { faceOf } from "../controls/reaction.js";
import { t } from "../i18n.js";
import { FORMS, completed } from "./forms.js";
import { makeOptions, makePairs } from "./lists.js";
import { readGaps, readTable, writeGaps, writeTable } from "./notation.js";
import { makePictureField } from "./picture.js";
import { makeQuestions } from "./questions.js";

const KINDS_OFFERED = ["thumbs_up", "heart", "clap", "laugh", "too_fast", "too_slow", "confused", "thumbs_down"];
const KINDS_FIRST = ["thumbs_up", "heart", "too_fast", "too_slow", "confused"];
let made = 0;

/**
 * @param {string} type
 * @param {Object} settings of an existing activity, or {}
 * @returns {{element: HTMLElement, read: () => Object, focus: () => void}}
 */
export function makeFields(type, settings) {
  const fields = FORMS[type].fields.map((description) => makeField(description, settings));
  return {
    element: h("div", { class: "fields" }, ...fields.map((field) => field.element)),
    read: () => completed(type, Object.assign({ ...settings }, ...fields.map((field) => field.read()))),
    focus: () => fields[0].element.querySelector("input, textarea")?.focus(),
  };
}

function makeField(description, settings) {
  const makers = { options: makeOptions, pairs: makePairs, picture: makePictureField, questions: (each, given) => makeQuestions(given, makeFields) };
  const maker = makers[description.kind] ?? MAKERS[description.kind];
  return maker(description, settings);
}

/** An id for a field; the first question keeps the name that the page is known by. */
function idFor(label) {
  made += 1;
  return label === "question" && !document.getElementById("question") ? "question" : `field-${made}`;
}

export function labelled(label, input, hint = null) {
  input.id ||= idFor(label);
  return h("div", { class: "field" }, h("label", { htmlFor: input.id }, t(`field.${label}`)), input, hint && h("p", { class: "small soft" }, hint));
}

function makeText({ name, label, isOptional = false }, settings) {
  const input = h("input", { type: "text", maxLength: 300, value: settings[name] ?? "", autocomplete: "off" });
  return { element: labelled(label, input), read: () => ({ [name]: input.value.trim() || (isOptional ? null : "") }) };
}

function makeLines({ name, label, isOptional = false }, settings) {
  const input = h("textarea", { rows: 2, maxLength: 500, placeholder: label === "question" ? t("build.questionExample") : "" });
  input.value = settings[name] ?? "";
  return { element: labelled(label, input), read: () => ({ [name]: input.value.trim() || (isOptional ? null : "") }) };
}

function makeTick({ name, label, value }, settings) {
  const input = h("input", { type: "checkbox", checked: settings[name] ?? value });
  return { element: h("label", { class: "tick" }, input, t(`field.${label}`)), read: () => ({ [name]: input.checked }) };
}

function makeNumber({ name, label, value = null, least = null, most = null, isOptional = false, isReal = false }, settings) {
  const given = settings[name] === undefined ? value : settings[name];
  const input = isReal
    ? h("input", { type: "text", inputMode: "decimal", value: given ?? "" })
    : h("input", { type: "number", value: given ?? "", min: least, max: most, inputMode: "numeric" });
  const read = () => {
    const typed = input.value.trim() === "" ? null : readNumber(input.value);
    if (typed === null) return { [name]: isOptional ? null : value };
    const bounded = Math.min(most ?? typed, Math.max(least ?? typed, typed));
    return { [name]: isReal ? bounded : Math.round(bounded) };
  };
  return { element: labelled(label, input), read };
}

function makeChoice({ name, label, values }, settings) {
  const select = h("select", {}, ...values.map((value) => h("option", { value }, t(`choice.${value}`))));
  select.value = values.includes(settings[name]) ? settings[name] : values[0];
  return { element: labelled(label, select), read: () => ({ [name]: select.value }) };
}

function makeStrings({ name, label, value = [] }, settings) {
  const input = h("textarea", { rows: 3 });
  input.value = (settings[name] ?? value).join("\n");
  const read = () => [...new Set(input.value.split("\n").map((line) => line.trim()).filter(Boolean))];
  return { element: labelled(label, input, t("build.perLine")), read: () => ({ [name]: read().length ? read() : value }) };
}

function makeAnswers({ name, label }, settings) {
  const input = h("textarea", { rows: 3 });
  input.value = (settings[name] ?? []).filter((each) => each.fraction !== 0).map((each) => each.text).join("\n");
  const read = () => [...new Set(input.value.split("\n").map((line) => line.trim()).filter(Boolean))].map((text) => ({ text, fraction: 1 }));
  return { element: labelled(label, input, t("build.answersHint")), read: () => ({ [name]: read() }) };
}

function makeSpelling(_, settings) {
  const input = h("input", { type: "checkbox", checked: settings.spelling !== "off" });
  return { element: h("label", { class: "tick" }, input, t("field.spelling")), read: () => ({ spelling: input.checked ? "h5p" : "off" }) };
}

function makeScale(_, settings) {
  const [min, max] = ["min", "max"].map((name) => makeNumber({ name, label: name, value: name === "min" ? 1 : 5, least: -1_000, most: 1_000 }, settings));
  const end = (name, at) => makeText({ name, label: name, isOptional: true }, { [name]: settings.labels?.[String(at)] ?? "" });
  const low = end("low", settings.min ?? 1);
  const high = end("high", settings.max ?? 5);
  const read = () => {
    const bounds = { ...min.read(), ...max.read() };
    if (bounds.max <= bounds.min) bounds.max = bounds.min + 4;
    const labels = Object.fromEntries(Object.entries({ ...low.read(), ...high.read() }).filter(([, text]) => text));
    return { ...bounds, step: settings.step ?? 1, labels };
  };
  return { element: h("div", { class: "pair" }, min.element, max.element, low.element, high.element), read };
}

function makeBounds(_, settings) {
  const [min, max] = ["min", "max"].map((name) => makeNumber({ name, label: name, isOptional: true, isReal: true }, settings));
  return { element: h("div", { class: "pair" }, min.element, max.element), read: () => ({ ...min.read(), ...max.read() }) };
}

function makeTolerance(_, settings) {
  const field = makeNumber({ name: "value", label: "tolerance", value: 0, least: 0, isReal: true }, { value: settings.tolerance?.value });
  return { element: field.element, read: () => ({ tolerance: field.read().value ? { mode: settings.tolerance?.mode === "relative" ? "relative" : "absolute", value: field.read().value } : { mode: "exact", value: 0 } }) };
}

function makeStory(_, settings) {
  const title = makeText({ name: "title", label: "question" }, settings.story ?? {});
  const key = makeText({ name: "key", label: "storyKey", isOptional: true }, settings.story ?? {});
  const description = makeLines({ name: "description", label: "description", isOptional: true }, settings.story ?? {});
  const fields = [title, key, description];
  return { element: h("div", { class: "fields" }, ...fields.map((field) => field.element)), read: () => ({ story: Object.assign({ ...settings.story }, ...fields.map((field) => field.read())) }) };
}

function makeGaps(_, settings) {
  const input = h("textarea", { rows: 4, maxLength: 10_000, placeholder: t("build.gapsExample") });
  input.value = writeGaps(settings);
  return { element: labelled("gaps", input, t("build.gapsHint")), read: () => readGaps(input.value.trim()) };
}

function makeTable(_, settings) {
  const input = h("textarea", { rows: 5, placeholder: t("build.tableExample"), spellcheck: false });
  input.value = settings.cells ? writeTable(settings) : "";
  return { element: labelled("table", input, t("build.tableHint")), read: () => readTable(input.value) };
}

function makeKinds(_, settings) {
  const chosen = settings.kinds ?? KINDS_FIRST;
  const boxes = [...new Set([...KINDS_OFFERED, ...chosen])].map((kind) => h("input", { type: "checkbox", value: kind, checked: chosen.includes(kind) }));
  const rows = boxes.map((box) => h("label", { class: "tick" }, box, faceOf(box.value).picture, faceOf(box.value).name));
  return { element: h("fieldset", { class: "field" }, h("legend", {}, t("field.kinds")), ...rows), read: () => ({ kinds: boxes.filter((box) => box.checked).map((box) => box.value) }) };
}

const MAKERS = {
  text: makeText, lines: makeLines, tick: makeTick, number: makeNumber, choice: makeChoice, strings: makeStrings, answers: makeAnswers,
  spelling: makeSpelling, scale: makeScale, bounds: makeBounds, tolerance: makeTolerance, story: makeStory, gaps: makeGaps, table: makeTable, kinds: makeKinds,
};
