/** What an answer is worth: the builder's fields for points, speed, streaks and what a wrong answer costs. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { GROUPS } from "./forms.js";

const NONE = { mode: "none", points: 1_000, speed: "none", streak: "none", negative: 0 };
const RIGHT = { ...NONE, mode: "accuracy" };
const FAST = { ...NONE, mode: "speed", speed: "kahoot" };
const MOST_POINTS = 100_000;

/** @param {Object|undefined} given the scoring of an existing activity */
export function makeScoring(given) {
  const mode = choice("score-mode", "build.mode", ["none", "participation", "accuracy", "speed"]);
  const points = figure("score-points", "build.points", MOST_POINTS);
  const speed = choice("score-speed", "build.speed", ["kahoot", "linear", "floor10"]);
  const streak = choice("score-streak", "build.streak", ["none", "kahoot", "arsnova"]);
  const negative = figure("score-negative", "build.negative", 100);
  const element = h("fieldset", { class: "scoring stack-s" }, h("legend", {}, t("build.scoring")), mode.element,
    h("div", { class: "pair" }, points.element, speed.element, streak.element, negative.element));
  let touched = Boolean(given);

  function show(scoring) {
    mode.input.value = scoring.mode;
    points.input.value = scoring.points;
    speed.input.value = scoring.speed === "none" ? "kahoot" : scoring.speed;
    streak.input.value = scoring.streak;
    negative.input.value = Math.round(scoring.negative * 100);
    arrange();
  }

  /** Only what matters under the chosen mode is there. */
  function arrange() {
    const isJudged = mode.input.value === "accuracy" || mode.input.value === "speed";
    points.element.hidden = mode.input.value === "none";
    speed.element.hidden = mode.input.value !== "speed";
    streak.element.hidden = negative.element.hidden = !isJudged;
  }

  element.addEventListener("change", () => {
    touched = true;
    arrange();
  });
  show(given ?? NONE);
  return {
    element,
    /** What suits a type, as long as the author has not chosen. */
    suggest(type) {
      if (!touched) show(type === "quiz" ? FAST : GROUPS.test.includes(type) ? RIGHT : NONE);
    },
    read() {
      const chosen = mode.input.value;
      const isJudged = chosen === "accuracy" || chosen === "speed";
      return {
        ...NONE, ...given,
        mode: chosen,
        points: within(points.input, MOST_POINTS, 1_000),
        speed: chosen === "speed" ? speed.input.value : "none",
        streak: isJudged ? streak.input.value : "none",
        negative: isJudged ? within(negative.input, 100, 0) / 100 : 0,
      };
    },
  };
}

function within(input, most, other) {
  const value = Math.round(Number(input.value));
  return input.value.trim() === "" || !Number.isFinite(value) ? other : Math.min(most, Math.max(0, value));
}

function choice(id, label, values) {
  const input = h("select", { id }, ...values.map((value) => h("option", { value }, t(`${label}.${value}`))));
  return { input, element: h("div", { class: "field" }, h("label", { htmlFor: id }, t(label)), input) };
}

function figure(id, label, most) {
  const input = h("input", { type: "number", id, min: 0, max: most, inputMode: "numeric" });
  return { input, element: h("div", { class: "field" }, h("label", { htmlFor: id }, t(label)), input) };
}
