/** Bringing questions in from a file or from the clipboard, with a look at them first; and taking them away as JSON. */

import { complain, toast } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { has, loadTexts, t } from "../i18n.js";
import { TYPES } from "../parts.js";
import { rest } from "./rest.js";

const FORMATS = ["", "gift", "csv", "json", "xlsx"];
const MOST_BYTES = 700_000; // as base64 it must fit into one request
const KINDS = new Set(TYPES);

/** The two buttons below the agenda. @param {{id: string, ticket: string}} session */
export function makeImporting(session) {
  const importing = h("button", { type: "button", class: "plain directs", on: { click: () => showImport(session) } }, t("acts.import"));
  const exporting = h("button", { type: "button", class: "plain", on: { click: () => takeBundle(session) } }, t("acts.export"));
  return h("div", { class: "row importing" }, importing, exporting);
}

async function takeBundle(session) {
  const bundle = await rest(session, "activities/export");
  if (!bundle) return;
  const address = URL.createObjectURL(new Blob([JSON.stringify(bundle, null, 2)], { type: "application/json" }));
  const name = `${bundle.title.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "session"}.plenum.json`;
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function showImport(session) {
  await loadTexts("import", "build");
  const text = h("textarea", { id: "import-text", rows: 7, spellcheck: false, placeholder: t("import.example") });
  const file = h("input", { type: "file", id: "import-file", accept: ".json,.csv,.tsv,.txt,.gift,.xlsx" });
  const format = h("select", { id: "import-format" }, ...FORMATS.map((name) => h("option", { value: name }, t(`import.format.${name || "auto"}`))));
  const fault = h("p", { class: "notice", role: "alert", hidden: true });
  const preview = h("div", { class: "stack import-preview", "aria-live": "polite" });
  const look = h("button", { type: "button", class: "primary" }, t("import.look"));
  const bring = h("button", { type: "button", class: "primary", hidden: true });
  const close = h("button", { value: "" }, t("dialog.close"));
  let sent = null; // what the preview shows
  let chosen = new Set();

  const dialog = h("dialog", { class: "dialog importer", "aria-labelledby": "import-title" }, h("form", { method: "dialog", class: "stack", noValidate: true },
    h("h2", { id: "import-title" }, t("import.title")), h("p", { class: "soft" }, t("import.lead")),
    h("div", { class: "field" }, h("label", { htmlFor: "import-file" }, t("import.file")), file),
    h("div", { class: "field" }, h("label", { htmlFor: "import-text" }, t("import.text")), text),
    h("div", { class: "field" }, h("label", { htmlFor: "import-format" }, t("import.format")), format),
    fault, preview, h("div", { class: "row ends" }, close, look, bring)));

  const refuse = (refusal) => {
    const { code, reason, values = {} } = refusal.details ?? {};
    fault.textContent = code && has(`import.fault.${code}`) ? t(`import.fault.${code}`, values) : reason ?? t(has(`refused.${refusal.code}`) ? `refused.${refusal.code}` : "refused.internal");
    fault.hidden = false;
    fault.scrollIntoView({ block: "center" });
  };
  const forget = () => {
    sent = null;
    fill(preview);
    fault.hidden = true;
    bring.hidden = true;
    look.hidden = false;
  };
  const count = () => {
    bring.textContent = t("import.bring", { n: chosen.size });
    bring.disabled = chosen.size === 0;
  };
  look.addEventListener("click", async () => {
    forget();
    const body = await contentOf(file, text, format, refuse);
    if (!body) return;
    look.disabled = true;
    const found = await rest(session, "activities/import", { method: "POST", body, onRefusal: refuse });
    look.disabled = false;
    if (!found) return;
    sent = body;
    chosen = new Set(found.drafts.keys());
    fill(preview, ...makePreview(found, chosen, count));
    look.hidden = true;
    bring.hidden = found.drafts.length === 0;
    count();
    if (!bring.hidden) bring.focus();
    preview.scrollIntoView({ block: "start" });
  });
  bring.addEventListener("click", async () => {
    bring.disabled = true;
    const made = await rest(session, "activities/import", { method: "POST", body: { ...sent, create: true, only: [...chosen] }, onRefusal: refuse });
    count();
    if (!made) return;
    const n = Object.keys(made.created).length;
    toast(t("import.done", { n }), n ? "good" : "bad");
    dialog.close();
  });
  for (const input of [file, text, format]) input.addEventListener("input", forget);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** What to send: the file, else the text. */
async function contentOf(file, text, format, refuse) {
  const common = { ...(format.value ? { format: format.value } : {}), words: [t("import.true"), t("import.false")] };
  const [chosen] = file.files;
  if (!chosen) return { ...common, text: text.value };
  if (chosen.size > MOST_BYTES) {
    refuse({ code: "too_large", details: { reason: t("import.tooLarge", { kb: Math.floor(MOST_BYTES / 1_000) }) } });
    return null;
  }
  const bytes = new Uint8Array(await chosen.arrayBuffer());
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8_192) binary += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return { ...common, base64: btoa(binary) };
}

function makePreview({ drafts, problems }, chosen, onChange) {
  const parts = [h("p", { class: "small soft" }, [t("import.found", { n: drafts.length }), problems.length ? t("import.problems", { n: problems.length }) : ""].join(" "))];
  if (problems.length) {
    parts.push(h("section", { class: "stack problems" }, h("h3", {}, t("import.wrong")), h("ul", {}, ...problems.map((problem) =>
      h("li", { class: problem.note ? "note" : "wrong" }, h("strong", {}, placeOf(problem.place)), " ", has(`import.problem.${problem.code}`) ? t(`import.problem.${problem.code}`, problem.values) : problem.message)))));
  }
  if (drafts.length) {
    parts.push(h("fieldset", { class: "stack drafts" }, h("legend", {}, t("import.which")), ...drafts.map((draft, i) => {
      const tick = h("input", { type: "checkbox", checked: true });
      tick.addEventListener("change", () => {
        if (tick.checked) chosen.add(i);
        else chosen.delete(i);
        onChange();
      });
      const kind = t(`kind.${KINDS.has(draft.type) ? draft.type : "generic"}`);
      return h("label", { class: "tick" }, tick, h("span", {}, h("span", { class: "asked" }, draft.question || draft.title || kind), h("span", { class: "small soft" }, `${kind} · ${placeOf(draft.place)}${answersOf(draft)}`)));
    })));
  }
  return parts;
}

/** "line 3" in the reader's language. */
function placeOf(place) {
  const [, word, rest, column] = /^(line|row|cell|activity) ([\w]+)(?:, column (.*))?$/.exec(place) ?? [];
  if (!word) return place;
  return t(`import.place.${word}`, { where: rest }) + (column ? `, ${t("import.place.column", { where: column })}` : "");
}

/** The first answers of a draft, the right ones marked. */
function answersOf({ config }) {
  const { options, correct = [], items } = config.settings ?? {};
  const shown = (options ?? items ?? []).slice(0, 6).map((each) => (typeof each === "string" ? each : `${each.text}${Array.isArray(correct) && correct.includes(each.id) ? " ✓" : ""}`));
  return shown.length ? ` · ${shown.join(" / ")}` : "";
}
