/** The form in which a question is written. */

import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { questionOf } from "../parts.js";

const TIMES_SECONDS = [0, 15, 30, 60, 120, 300];
const OPTIONS_MOST = 50;
const REVEALS = {
  revealMe: { counts: "presenter", results: "on_reveal" },
  revealLive: { counts: "live", results: "live" },
  revealClose: { counts: "after_close", results: "after_close" },
};

/**
 * @param {Object|null} activity the one to edit, or null for a new one
 * @param {(draft: {activity_type: string, title: string, config: Object}, isOpening: boolean) => void} onDone
 * @param {() => void} onCancel
 */
export function makeBuilder(activity, onDone, onCancel) {
  const settings = activity?.config.settings ?? {};
  const kind = radios("kind", { poll: t("build.poll"), generic: t("build.generic") }, activity?.type ?? "poll");
  const question = h("textarea", { id: "question", rows: 2, maxLength: 500, placeholder: t("build.questionExample") });
  question.value = activity ? questionOf(activity) : "";
  const options = makeOptions(settings.options ?? [{}, {}], settings.max_choices ?? 1);
  const reveal = radios("reveal", Object.fromEntries(Object.keys(REVEALS).map((name) => [name, t(`build.${name}`)])), revealOf(activity));
  const time = h("select", { id: "time" }, ...TIMES_SECONDS.map((seconds) => h("option", { value: seconds }, timeText(seconds))));
  time.value = String(activity?.config.constraints?.time_limit ?? 0);
  const changes = h("input", { type: "checkbox", checked: activity?.config.constraints?.allow_changes ?? true });
  const trouble = h("p", { class: "notice", role: "alert", hidden: true });
  const element = h(
    "form",
    { class: "card stack builder", noValidate: true },
    h("h2", {}, t(activity ? "build.titleEdit" : "build.titleNew")),
    activity ? null : h("fieldset", { class: "segments" }, h("legend", { class: "off-screen" }, t("build.kind")), kind.rows),
    h("div", { class: "field" }, h("label", { htmlFor: "question" }, t("build.question")), question),
    options.element,
    h(
      "div",
      { class: "settings" },
      h("fieldset", { class: "field" }, h("legend", {}, t("build.reveal")), ...reveal.rows),
      h("div", { class: "stack" }, h("div", { class: "field" }, h("label", { htmlFor: "time" }, t("build.time")), time), h("label", { class: "tick" }, changes, t("build.changes"))),
    ),
    trouble,
    h(
      "div",
      { class: "row ends" },
      h("button", { type: "button", class: "plain", on: { click: onCancel } }, t("build.cancel")),
      h("button", { value: "keep", class: activity ? "primary" : "" }, t(activity ? "build.save" : "build.add")),
      activity ? null : h("button", { value: "open", class: "primary" }, t("build.addOpen")),
    ),
  );
  const showKind = () => (options.element.hidden = kind.value() !== "poll");
  kind.rows.forEach((row) => row.addEventListener("change", showKind));
  showKind();
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const type = kind.value();
    const text = question.value.trim();
    const fault = !text ? "build.needQuestion" : type === "poll" ? options.fault() : null;
    trouble.hidden = !fault;
    if (fault) {
      trouble.textContent = t(fault);
      return;
    }
    const old = activity?.config ?? {};
    const config = {
      ...old,
      version: 1,
      reveal: { ...old.reveal, ...REVEALS[reveal.value()] },
      constraints: { ...old.constraints, time_limit: Number(time.value) || null, allow_changes: changes.checked },
      settings: type === "poll" ? { ...settings, question: text, ...options.read() } : { ...settings, prompt: text },
    };
    onDone({ activity_type: type, title: text, config }, event.submitter?.value === "open");
  });
  return { element, focus: () => question.focus() };
}

/** The options of a choice: a line each, Enter makes the next one. */
function makeOptions(given, mostGiven) {
  const list = h("ol", { class: "edit-options" });
  const many = h("select", { id: "many" });
  const rows = [];
  const add = h("button", { type: "button", class: "plain", on: { click: () => insert(rows.length, {}).focus() } }, icon("plus"), t("build.addOption"));
  const letter = (i) => (i < 26 ? String.fromCharCode(65 + i) : String(i + 1));

  function insert(at, { id, text = "" }) {
    const input = h("input", { type: "text", maxLength: 200, value: text, autocomplete: "off" });
    const mark = h("span", { class: "letter", "aria-hidden": "true" });
    const remove = h("button", { type: "button", class: "icon-button" }, icon("cross"));
    const row = { id, input, mark, remove, item: h("li", {}, mark, input, remove) };
    remove.addEventListener("click", () => {
      rows.splice(rows.indexOf(row), 1);
      render();
      rows.at(-1).input.focus();
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      const next = rows[rows.indexOf(row) + 1];
      if (next) next.input.focus();
      else if (input.value.trim() && rows.length < OPTIONS_MOST) insert(rows.length, {}).focus();
    });
    rows.splice(at, 0, row);
    render();
    return input;
  }

  function render() {
    rows.forEach((row, i) => {
      row.mark.textContent = letter(i);
      row.input.setAttribute("aria-label", t("build.option", { letter: letter(i) }));
      row.remove.setAttribute("aria-label", t("build.removeOption", { letter: letter(i) }));
      row.remove.disabled = rows.length <= 2;
    });
    fill(list, ...rows.map((row) => row.item));
    add.disabled = rows.length >= OPTIONS_MOST;
    const chosen = many.value || String(mostGiven);
    fill(many, ...rows.map((_, i) => h("option", { value: i + 1 }, i === 0 ? t("build.manyOne") : t("build.manyUpTo", { n: i + 1 }))));
    many.value = String(Math.min(Number(chosen), rows.length));
  }

  given.forEach((option, i) => insert(i, option));
  const filled = () => rows.filter((row) => row.input.value.trim());
  return {
    element: h(
      "fieldset",
      { class: "stack" },
      h("legend", {}, t("build.options")),
      list,
      h("div", { class: "row" }, add, h("span", { class: "field inline push" }, h("label", { htmlFor: "many" }, t("build.many")), many)),
    ),
    fault() {
      const texts = filled().map((row) => row.input.value.trim());
      if (texts.length < 2) return "build.needOptions";
      return new Set(texts).size < texts.length ? "build.sameOptions" : null;
    },
    read() {
      // An option that was there keeps its id, whatever its text says now: answers refer to ids.
      const taken = new Set(filled().map((row) => row.id));
      const free = Array.from({ length: 2 * OPTIONS_MOST }, (_, i) => (i < 26 ? String.fromCharCode(97 + i) : `o${i}`)).filter((id) => !taken.has(id));
      const options = filled().map((row) => ({ id: row.id ?? free.shift(), text: row.input.value.trim() }));
      return { options, min_choices: 1, max_choices: Math.min(Number(many.value), options.length) };
    },
  };
}

function radios(name, texts, chosen) {
  const rows = Object.entries(texts).map(([value, text]) =>
    h("label", { class: "tick" }, h("input", { type: "radio", name, value, checked: value === chosen }), h("span", {}, text)),
  );
  return { rows, value: () => rows.map((row) => row.firstChild).find((input) => input.checked)?.value };
}

function revealOf(activity) {
  const { results = "on_reveal" } = activity?.config.reveal ?? {};
  return results === "live" ? "revealLive" : results === "after_close" ? "revealClose" : "revealMe";
}

function timeText(seconds) {
  if (seconds === 0) return t("build.timeNone");
  return seconds < 60 ? t("build.seconds", { n: seconds }) : t("build.minutes", { n: seconds / 60 });
}
