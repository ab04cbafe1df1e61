/** Reactions: one tap each, held for a while or sent in bursts. */

import { fill, h, icon, write } from "../dom.js";
import { has, number, t } from "../i18n.js";

export const several = true;
const ICONS = { thumbs_up: "thumb", thumbs_down: "thumbDown", heart: "heart", too_fast: "fast", too_slow: "slow", confused: "question", clap: "clap", laugh: "laugh" };

/** A reaction's picture and name; a kind of the presenter's own is its name alone. */
export function faceOf(kind) {
  const name = has(`react.${kind}`) ? t(`react.${kind}`) : kind.replace(/[_-]+/g, " ");
  return { name, picture: kind in ICONS ? icon(ICONS[kind]) : h("span", { class: "letter", "aria-hidden": "true" }, [...name][0].toUpperCase()) };
}

export function mount(element, activity, own, submit) {
  const { kinds, mode = "sustained", min_interval_ms: pauseMs = 1_000, window_s: windowSeconds = 60 } = activity.config.settings;
  const isHeld = mode === "sustained";
  let held = null;
  let isAsking = false;
  let isPausing = false;
  const buttons = kinds.map((kind) => {
    const { name, picture } = faceOf(kind);
    const count = h("span", { class: "small soft" });
    const button = h("button", { type: "button", class: "reaction" }, picture, h("span", {}, name), count);
    if (isHeld) button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => press(kind, button));
    return { kind, button, count };
  });
  const note = h("p", { class: "small soft" }, isHeld ? t("react.held", { n: windowSeconds }) : t("react.burst"));
  fill(element, h("div", { class: "stack" }, note, h("div", { class: "reactions" }, ...buttons.map((each) => each.button))));

  function press(kind, button) {
    if (isPausing) return;
    isPausing = pauseMs > 0;
    setTimeout(() => {
      isPausing = false;
      render();
    }, pauseMs);
    button.classList.remove("popped");
    void button.offsetWidth; // starts the animation anew
    button.classList.add("popped");
    submit({ kind, on: !(isHeld && held === kind) }, isHeld ? {} : { fresh: true });
  }

  function render() {
    note.hidden = !isAsking; // nobody is told to do what can no longer be done
    for (const { kind, button } of buttons) {
      button.disabled = !isAsking;
      button.classList.toggle("resting", isPausing);
      if (isHeld) button.setAttribute("aria-pressed", String(held === kind));
    }
  }

  return {
    update(present, response, asks, { view = null } = {}) {
      isAsking = asks;
      held = isHeld && response?.data?.on !== false ? (response?.data?.kind ?? null) : null;
      for (const { kind, count } of buttons) write(count, view ? number((isHeld ? view.now : view.total)?.[kind] ?? 0) : "");
      render();
    },
  };
}
