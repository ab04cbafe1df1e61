/** The form in which an activity is written, with the phone's view of it beside. */

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { loadControl, questionOf } from "../parts.js";
import { makeFields } from "./fields.js";
import { FORMS, GROUPS, faultOf } from "./forms.js";
import { kindIcon } from "./kinds.js";
import { makeScoring } from "./scoring.js";

const TIMES_SECONDS = [0, 15, 30, 60, 120, 300];
const PREVIEW_AFTER_MS = 250;
const REVEALS = {
  revealMe: { counts: "presenter", results: "on_reveal", answer_key: "on_reveal" },
  revealLive: { counts: "live", results: "live" },
  revealClose: { counts: "after_close", results: "after_close", answer_key: "after_close" },
};
// What single types need besides: who buzzed must be named, and how many cards lie there may be seen.
const SPECIAL = { revealPoker: { counts: "live", results: "on_reveal" }, revealNames: { counts: "live", results: "live", names: "everyone" } };

/**
 * @param {Object|null} activity the one to edit, or null for a new one
 * @param {(draft: {activity_type: string, title: string, config: Object}, isOpening: boolean) => void} onDone
 * @param {() => void} onCancel
 */
export function makeBuilder(activity, onDone, onCancel) {
  const old = activity?.config ?? {};
  const kinds = activity ? null : makeKinds();
  const typeOf = () => activity?.type ?? kinds.value();
  const place = h("div", {});
  const preview = makePreview();
  const forms = new Map(); // what was written for one type stays when another is looked at
  let fields = null;
  const reveal = radios("reveal", Object.fromEntries(Object.keys(REVEALS).map((name) => [name, t(`build.${name}`)])), revealOf(activity, typeOf()));
  const revealSet = h("fieldset", { class: "field" }, h("legend", {}, t("build.reveal")), ...reveal.rows);
  const time = h("select", { id: "time" }, ...TIMES_SECONDS.map((seconds) => h("option", { value: seconds }, timeText(seconds))));
  time.value = String(old.constraints?.time_limit ?? 0);
  const changes = h("input", { type: "checkbox", checked: old.constraints?.allow_changes ?? true });
  const scoring = makeScoring(old.scoring);
  const trouble = h("p", { class: "notice", role: "alert", hidden: true });
  const element = h(
    "form",
    { class: "card stack builder", noValidate: true },
    h("h1", {}, t(activity ? "build.titleEdit" : "build.titleNew")),
    kinds?.element,
    h("div", { class: "builder-grid" },
      h("div", { class: "stack" }, place, h("div", { class: "settings" }, revealSet,
        h("div", { class: "stack" }, h("div", { class: "field" }, h("label", { htmlFor: "time" }, t("build.time")), time), h("label", { class: "tick" }, changes, t("build.changes")))), scoring.element),
      preview.element),
    h(
      "div",
      { class: "row ends" },
      trouble,
      h("button", { type: "button", class: "plain", on: { click: onCancel } }, t("build.cancel")),
      h("button", { value: "keep", class: activity ? "primary" : "" }, t(activity ? "build.save" : "build.add")),
      activity ? null : h("button", { value: "open", class: "primary" }, t("build.addOpen")),
    ),
  );

  function showType() {
    const type = typeOf();
    if (!forms.has(type)) forms.set(type, makeFields(type in FORMS ? type : "generic", activity?.config.settings ?? {}));
    fields = forms.get(type);
    fill(place, fields.element);
    if (!activity) scoring.suggest(type);
    if (!activity) reveal.choose(Object.keys(REVEALS).includes(FORMS[type].reveal) ? FORMS[type].reveal : FORMS[type].reveal ? "revealLive" : "revealMe");
    preview.show(type, fields.read());
  }

  function draft() {
    const type = typeOf();
    const settings = fields.read();
    const special = SPECIAL[FORMS[type]?.reveal];
    const rules = special && (activity || reveal.value() === "revealLive") ? { ...special } : REVEALS[reveal.value()];
    const config = {
      ...old,
      version: 1,
      reveal: { ...old.reveal, ...rules },
      constraints: { ...old.constraints, time_limit: Number(time.value) || null, allow_changes: changes.checked },
      scoring: scoring.read(),
      settings,
    };
    const title = questionOf({ title: "", config: { settings } }) || clozeTitle(settings) || t(`kind.${type}`);
    return { activity_type: type, title: title.slice(0, 500), config };
  }

  kinds?.element.addEventListener("change", showType);
  element.addEventListener("input", () => preview.later(() => [typeOf(), fields.read()]));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target !== element) return; // the preview has a form of its own
    const made = draft();
    const fault = faultOf(made.activity_type, made.config.settings);
    trouble.hidden = !fault;
    if (fault) trouble.textContent = t(fault);
    else onDone(made, event.submitter?.value === "open");
  });
  showType();
  return { element, focus: () => fields.focus() };
}

function makeKinds() {
  const inputs = [];
  const makeKind = (type) => {
    const input = h("input", { type: "radio", name: "kind", value: type, checked: type === "poll" });
    inputs.push(input);
    return h("label", { class: "kind" }, input, kindIcon(type), h("span", {}, t(`kind.${type}`)));
  };
  const groups = Object.entries(GROUPS).map(([name, types]) => h("div", { class: "stack-s" }, h("h2", {}, t(`kinds.${name}`)), h("div", { class: "kind-row" }, ...types.map(makeKind))));
  const element = h("fieldset", { class: "kinds" }, h("legend", { class: "off-screen" }, t("build.kind")), ...groups);
  return { element, value: () => inputs.find((input) => input.checked).value };
}

/** What a phone will show: the real control, whose answers go nowhere. */
function makePreview() {
  const place = h("div", {});
  const title = h("h2", { hidden: true }); // an empty heading is announced as one
  let timer = null;
  let shown = "";
  async function show(type, settings) {
    const sign = JSON.stringify([type, settings]);
    if (sign === shown || faultOf(type, settings)) return;
    shown = sign;
    const control = await loadControl(type).catch(() => null);
    if (shown !== sign) return;
    if (!control) {
      shown = ""; // lost on the way; the next change asks again
      return;
    }
    const { mount, several } = control;
    const activity = { id: "", type, title: "", round: 1, state: "active", config: { settings } };
    title.textContent = questionOf(activity);
    title.hidden = !title.textContent;
    mount(place, activity, null, () => {}).update(activity, null, true, several ? { view: null, items: new Map(), mine: [] } : {});
  }
  return {
    element: h("aside", { class: "preview", "aria-label": t("build.preview") }, h("p", { class: "small soft", "aria-hidden": "true" }, t("build.preview")), h("div", { class: "phone" }, title, place)),
    show,
    later(read) {
      clearTimeout(timer);
      timer = setTimeout(() => show(...read()), PREVIEW_AFTER_MS);
    },
  };
}

function clozeTitle({ text }) {
  return typeof text === "string" ? text.replace(/\{\{[^}]*\}\}/g, "…") : "";
}

function radios(name, texts, chosen) {
  const rows = Object.entries(texts).map(([value, text]) =>
    h("label", { class: "tick" }, h("input", { type: "radio", name, value, checked: value === chosen }), h("span", {}, text)),
  );
  const inputs = rows.map((row) => row.firstChild);
  return {
    rows,
    value: () => inputs.find((input) => input.checked)?.value,
    choose(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}

function revealOf(activity, type) {
  const { results = "on_reveal", counts } = activity?.config.reveal ?? {};
  if (activity && FORMS[type]?.reveal && counts === "live") return "revealLive";
  return results === "live" ? "revealLive" : results === "after_close" ? "revealClose" : "revealMe";
}

/** A time limit as people say it. */
export function timeText(seconds) {
  if (seconds === 0) return t("build.timeNone");
  return seconds < 60 ? t("build.seconds", { n: seconds }) : t("build.minutes", { n: seconds / 60 });
}
