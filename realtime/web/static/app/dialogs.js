/** Questions before what cannot be undone, short messages, and the clipboard. */

import { h } from "./dom.js";
import { sentence, t } from "./i18n.js";

const TOAST_MS = 6_000;
const TOASTS_LIMIT = 3;
let made = 0; // dialogs; one may stand above another, and each has a title of its own

/** Asks; resolves to whether the person agreed. @param {{title: string, text: string, action: string, style?: string}} question */
export function confirmed({ title, text, action, style = "primary" }) {
  const id = titleId();
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": id },
      h(
        "form",
        { method: "dialog", class: "stack" },
        h("h2", { id }, title),
        h("p", {}, text),
        h("div", { class: "row ends" }, h("button", { value: "" }, t("dialog.cancel")), h("button", { value: "yes", class: style }, action)),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks for a short text; resolves to it, to "" where it was left empty, or to null where the person thought better. */
export function askText(title) {
  const id = titleId();
  return new Promise((resolve) => {
    const input = h("input", { type: "text", maxLength: 100, "aria-label": title, autocomplete: "off" });
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": id }, h("form", { method: "dialog", class: "stack" }, h("h2", { id }, title), input,
      h("div", { class: "row ends" }, h("button", { value: "", formNoValidate: true }, t("dialog.cancel")), h("button", { value: "yes", class: "primary" }, t("dialog.ok")))));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // or the first button, which cancels, would be pressed
      dialog.close("yes");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? input.value.trim() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function titleId() {
  made += 1;
  return `dialog-title-${made}`;
}

/** Shows content until it is closed. */
export function showDialog(title, ...content) {
  const close = h("form", { method: "dialog", class: "row ends" }, h("button", { class: "primary" }, t("dialog.close")));
  const id = titleId();
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": id }, h("div", { class: "stack" }, h("h2", { id }, title), ...content, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** A short message that goes away by itself. @param {"good"|"bad"} style */
export function toast(text, style = "good") {
  const place = document.getElementById("toasts") ?? document.body.appendChild(h("div", { id: "toasts", role: "status" }));
  const message = h("p", { class: `toast ${style}` }, text);
  place.append(message);
  while (place.children.length > TOASTS_LIMIT) place.firstChild.remove();
  setTimeout(() => message.remove(), TOAST_MS);
}

export function complain(refusal) {
  const { field, reason } = refusal.details ?? {};
  const where = refusal.code === "invalid" && reason ? ` (${field}: ${reason})` : "";
  toast(sentence(refusal) + where, "bad");
}

/** Copies a text, also where the page is served without https and the clipboard is closed to it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("share.copied"));
  } catch {
    const field = h("input", { type: "text", value: text, readOnly: true, "aria-label": t("share.copyByHand") });
    showDialog(t("share.copyByHand"), field);
    field.select();
  }
}
