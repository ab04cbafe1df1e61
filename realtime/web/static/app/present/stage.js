/** The activity that the presenter is looking at: its question, its live numbers, and what can be done with it. */

import { announce, fill, h, icon, write } from "../dom.js";
import { t } from "../i18n.js";
import { isPublic, itemsOf, loadChart, questionOf, wish } from "../parts.js";
import { timeText } from "./builder.js";
import { makeModeration } from "./moderation.js";
import { isEditable, movesOf } from "./moves.js";

const SPEAK_EVERY_MS = 5_000;
const TIMES_SECONDS = [0, 15, 30, 60, 120, 300];

/**
 * @param {Object} actions
 * @param {(command: Object) => void} actions.act
 * @param {(activity: Object) => void} actions.edit
 * @param {(activity: Object) => void} actions.remove
 * @param {(activity: Object) => void} actions.duplicate
 * @param {() => void} actions.next on to the following question
 * @param {(activity: Object) => void} actions.nudge asks those who have not answered to do so
 * @param {(activity: Object) => void} actions.missing shows who has not answered
 * @param {() => number} actions.now the server's time in milliseconds
 */
export class Stage {
  #actions;
  #activity;
  #draw = null;
  #wantChart;
  #timer = null;
  #spokenMs = 0;
  #state = h("span", { class: "chip" });
  #round = h("span", { class: "chip bare" });
  #clock = h("span", { class: "chip bare" });
  #sight = h("span", { class: "chip bare sight" });
  #title = h("h1", {});
  #count = h("p", { class: "count" }, h("strong", {}), h("span", {}));
  #absent = h("span", { class: "row absent" },
    h("button", { type: "button", class: "plain", on: { click: () => this.#actions.missing(this.#activity) } }, t("missing.open")),
    h("button", { type: "button", class: "directs", on: { click: () => this.#actions.nudge(this.#activity) } }, icon("hand"), t("missing.nudge")));
  #time = h("select", { "aria-label": t("build.time"), on: { change: () => this.#setTime() } }, ...TIMES_SECONDS.map((seconds) => h("option", { value: seconds }, timeText(seconds))));
  #timeRow = h("label", { class: "field inline timer small soft directs" }, t("stage.timer"), this.#time);
  #chart = h("div", { class: "chart" });
  #final = h("p", { class: "small soft" });
  #buttons = h("div", { class: "row controls directs" });
  #tools = h("div", { class: "row tools directs" });
  #moderation;

  constructor(activity, actions) {
    this.#actions = actions;
    this.#activity = activity;
    this.#moderation = makeModeration((command) => actions.act(command));
    this.element = h(
      "article",
      { class: "stage card", "aria-live": "off" },
      h("div", { class: "row" }, this.#state, this.#round, this.#clock, this.#sight, this.#timeRow, this.#tools),
      this.#title, h("div", { class: "row counting" }, this.#count, this.#absent), this.#chart, this.#moderation.element, this.#final, this.#buttons,
    );
    this.#wantChart = wish(() => loadChart(activity.type), ({ draw }) => {
      this.#draw = draw;
      this.#drawChart();
    });
    this.#wantChart();
  }

  /** @param {Object} activity @param {Map<string, any>} map @param {boolean} isFocused @param {boolean} hasNext */
  update(activity, map, isFocused, hasNext = false) {
    const previous = this.#map?.get(`counts:${activity.id}`)?.responses;
    this.#activity = activity;
    this.#map = map;
    const counts = map.get(`counts:${activity.id}`);
    write(this.#state, t(`state.${activity.state}`));
    this.#state.className = `chip ${activity.state}`;
    this.#round.hidden = activity.round < 2;
    write(this.#round, t("card.round", { n: activity.round }));
    this.#renderSight(activity);
    write(this.#title, questionOf(activity));
    const responses = counts?.responses ?? 0;
    const joined = map.get("people")?.joined ?? 0;
    write(this.#count.firstChild, t("acts.answers", { n: responses }));
    write(this.#count.lastChild, ` ${t("stage.ofPeople", { n: joined })}`);
    this.#final.hidden = activity.state !== "closed";
    write(this.#final, t(activity.final ? "stage.final" : "stage.closing"));
    this.#absent.hidden = activity.state !== "active" || joined === 0;
    this.#renderButtons(activity, isFocused, hasNext);
    this.#renderTime(activity);
    this.#renderClock();
    this.#drawChart();
    this.#moderation.update(activity, map.get(`view:${activity.id}`), itemsOf(map, activity.id));
    if (previous !== undefined && previous !== responses) this.#speak(responses);
  }

  #map = null;

  #renderSight(activity) {
    const isForAll = isPublic(activity);
    this.#sight.hidden = activity.state === "draft";
    const key = activity.revealed ? "stage.revealed" : isForAll ? "stage.liveForAll" : "stage.hidden";
    fill(this.#sight, icon("eye"), t(key));
    this.#sight.classList.toggle("muted", !isForAll);
  }

  /** How long the next opening lasts; while it runs the clock says it. */
  #renderTime({ state, config }) {
    this.#timeRow.hidden = !["draft", "published", "closed"].includes(state);
    const seconds = config.constraints?.time_limit ?? 0;
    if (!TIMES_SECONDS.includes(seconds) && ![...this.#time.options].some((each) => Number(each.value) === seconds)) this.#time.append(h("option", { value: seconds }, timeText(seconds)));
    if (document.activeElement !== this.#time) this.#time.value = String(seconds);
  }

  #setTime() {
    const { id, version, config } = this.#activity;
    const changed = { ...config, constraints: { ...config.constraints, time_limit: Number(this.#time.value) || null } };
    this.#actions.act({ type: "update_activity", activity_id: id, config: changed, expected_version: version });
  }

  #renderButtons(activity, isFocused, hasNext) {
    const moves = movesOf(activity, isFocused);
    const sign = JSON.stringify([moves, isEditable(activity), hasNext]);
    if (this.#buttons.dataset.sign === sign) return; // a button must not vanish under a finger
    this.#buttons.dataset.sign = sign;
    const focused = this.#buttons.contains(document.activeElement);
    fill(
      this.#buttons,
      ...moves.map(({ name, key, isMain, command }) =>
        h("button", { type: "button", class: isMain ? "primary" : "", "aria-keyshortcuts": key, on: { click: () => this.#actions.act(command) } },
          t(name), key && h("kbd", { "aria-hidden": "true" }, key.toUpperCase())),
      ),
      hasNext && h("button", { type: "button", class: "push", "aria-keyshortcuts": "ArrowRight", on: { click: () => this.#actions.next() } }, icon("next"), t("stage.next"), h("kbd", { "aria-hidden": "true" }, "→")),
    );
    if (focused) this.#buttons.firstChild?.focus();
    fill(
      this.#tools,
      isEditable(activity) && tool("pencil", t("stage.edit"), () => this.#actions.edit(this.#activity)),
      tool("copy", t("stage.duplicate"), () => this.#actions.duplicate(this.#activity)),
      tool("bin", t("stage.delete"), () => this.#actions.remove(this.#activity)),
    );
  }

  #renderClock() {
    const { state, deadline_ms } = this.#activity;
    const leftSeconds = deadline_ms && state === "active" ? Math.ceil((deadline_ms - this.#actions.now()) / 1_000) : 0;
    this.#clock.hidden = leftSeconds <= 0;
    clearTimeout(this.#timer); // of the update before: a hall's answers must not each wind up a clock of their own
    if (leftSeconds <= 0) return;
    const minutes = String(Math.floor(leftSeconds / 60));
    write(this.#clock, t("card.leftLong", { minutes, seconds: String(leftSeconds % 60).padStart(2, "0") }));
    this.#timer = setTimeout(() => this.element.isConnected && this.#renderClock(), 500);
  }

  #drawChart() {
    const { id } = this.#activity;
    const view = this.#map?.get(`view:${id}`);
    this.#wantChart();
    if (this.#draw && view) this.#draw(this.#chart, this.#activity, view, this.#map.get(`counts:${id}`), { items: itemsOf(this.#map, id) });
  }

  /** Numbers are told to those who do not see them, but not each of a hundred. */
  #speak(responses) {
    const now = Date.now();
    if (now - this.#spokenMs < SPEAK_EVERY_MS) return;
    this.#spokenMs = now;
    announce(t("live.counts", { title: questionOf(this.#activity), n: responses }));
  }
}

function tool(shape, label, action) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: action } }, icon(shape));
}
