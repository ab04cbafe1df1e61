/** The buzzer: one big button, and how one stands. */

import { fill, h, write } from "../dom.js";
import { number, t } from "../i18n.js";

export const several = true;
const PAUSE_MS = 700; // a double tap is one press

export function mount(element, activity, own, submit) {
  const button = h("button", { type: "button", class: "buzzer" }, h("span", {}, t("buzz.press")));
  const status = h("p", { class: "buzz-status", role: "status" });
  const list = h("ol", { class: "queue" });
  fill(element, h("div", { class: "stack center-items" }, button, status, list));
  let pressedMs = -PAUSE_MS;
  let isAsking = false;
  let standing = null;
  button.addEventListener("click", () => {
    if (performance.now() - pressedMs < PAUSE_MS) return;
    pressedMs = performance.now();
    submit({ press: true }, activity.config.settings.reset_on_wrong === false ? {} : { fresh: true });
    navigator.vibrate?.(40);
  });
  const render = () => {
    button.disabled = !isAsking || Boolean(standing);
    button.classList.toggle("pressed", Boolean(standing));
  };
  return {
    update(present, response, asks, { view = null, mine = [] } = {}) {
      isAsking = asks;
      standing = standingOf(view, mine, response);
      write(status, standing?.place ? t(standing.status === "right" ? "buzz.right" : standing.place === 1 ? "buzz.first" : "buzz.place", { n: standing.place })
        : standing ? t("buzz.pressed") : asks ? t("buzz.ready") : "");
      const named = (view?.queue ?? []).filter((each) => each.name);
      fill(list, ...named.slice(0, 10).map((each) => h("li", {}, `${number(each.position)}. ${each.name}`)));
      render();
    },
  };
}

/**
 * Where the own press stands: null when one may press (again). Where the queue names nobody, a press of one's own counts
 * as long as the queue is not empty.
 */
export function standingOf(view, mine, response) {
  const queue = view?.queue ?? [];
  if (queue.some((each) => each.id)) {
    const ids = new Set(mine.map((each) => each.response_id));
    const found = queue.find((each) => ids.has(each.id));
    if (found) return { place: found.position, status: found.status ?? null };
    const isOnTheWay = mine.some((each) => each.step === "sending" || each.step === "kept");
    return isOnTheWay ? { place: null, status: null } : null;
  }
  const pressed = mine.length > 0 || Boolean(response);
  return pressed && (!view || queue.length > 0) ? { place: null, status: null } : null;
}
