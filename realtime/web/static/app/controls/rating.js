/** Ratings on a scale: a row of points for each statement, stars, or a slider where there are many values. */

import { h, icon, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { questionOf } from "../parts.js";
import { mountForm } from "./form.js";

const POINTS_MOST = 11;

/** Every value of a scale, from the least. */
export function valuesOf({ min = 1, max = 5, step = 1 }) {
  return Array.from({ length: Math.round((max - min) / step) + 1 }, (_, i) => Number((min + i * step).toFixed(6)));
}

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { settings } = activity.config;
  const values = valuesOf(settings);
  const make = settings.kind === "slider" || values.length > POINTS_MOST ? makeSlider : makePoints;
  const rows = settings.items.map((item) => make(item, settings, values, `${activity.id}-${item.id}`, questionOf(activity)));
  const ends = [values[0], values.at(-1)].map((value) => settings.labels?.[String(value)] ?? "");
  const legend = ends.some(Boolean) && h("p", { class: "ends small soft", "aria-hidden": "true" }, h("span", {}, ends[0]), h("span", {}, ends[1]));
  for (const row of rows) if (legend) row.element.append(legend.cloneNode(true));
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: rows.map((row) => row.element),
    peek: () => ({ ratings: Object.fromEntries(rows.filter((row) => row.read() !== null).map((row) => [row.id, row.read()])) }),
    show: (answer) => rows.forEach((row) => row.show(answer?.ratings?.[row.id] ?? null)),
    lock: (locked) => rows.forEach((row) => row.lock(locked)),
    fault({ ratings }) {
      const given = Object.keys(ratings).length;
      if (given === 0) return "";
      const missing = rows.length - given;
      return missing && !settings.allow_skip ? t("rating.missing", { n: missing }) : null;
    },
  });
}

function legendOf(item, question) {
  return h("legend", { class: item.text === question ? "off-screen" : "" }, item.text);
}

function makePoints(item, settings, values, name, question) {
  const isStars = settings.kind === "stars";
  const inputs = values.map((value) => {
    const label = settings.labels?.[String(value)];
    return h("input", { type: "radio", name, value, "aria-label": label ? `${number(value)}: ${label}` : number(value) });
  });
  const faces = inputs.map((input) => h("label", { class: isStars ? "star" : "point" }, input, h("span", { "aria-hidden": "true" }, isStars ? icon("star") : number(Number(input.value)))));
  const mark = () => {
    const at = inputs.findIndex((input) => input.checked);
    faces.forEach((face, i) => face.classList.toggle("lit", isStars ? i <= at : i === at));
  };
  const scale = h("div", { class: `scale ${isStars ? "stars" : ""}` }, ...faces);
  scale.style.setProperty("--points", values.length);
  const element = h("fieldset", { class: "scale-field", on: { input: mark } }, legendOf(item, question), scale);
  return {
    id: item.id, element,
    read() {
      const chosen = inputs.find((input) => input.checked);
      return chosen ? Number(chosen.value) : null;
    },
    show(value) {
      for (const input of inputs) input.checked = value !== null && Number(input.value) === value;
      mark();
    },
    lock: (locked) => inputs.forEach((input) => (input.disabled = locked)),
  };
}

function makeSlider(item, settings, values, name, question) {
  const { min, max, step } = settings;
  const slider = h("input", { type: "range", id: `slider-${name}`, min, max, step, "aria-label": item.text });
  const value = h("output", { htmlFor: slider.id });
  let isSet = false;
  const write_ = () => write(value, isSet ? number(Number(slider.value)) : t("rating.unset"));
  slider.addEventListener("input", () => {
    isSet = true;
    write_();
  });
  // A tap on the thumb where it already stands is a choice as well, and no input event.
  slider.addEventListener("change", () => {
    isSet = true;
    write_();
  });
  slider.addEventListener("pointerup", () => {
    if (isSet) return;
    isSet = true;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return {
    id: item.id,
    element: h("fieldset", { class: "scale-field slider" }, legendOf(item, question), value, slider),
    read: () => (isSet ? Number(slider.value) : null),
    show(given) {
      isSet = given !== null;
      slider.value = given ?? values[Math.floor(values.length / 2)];
      write_();
    },
    lock: (locked) => (slider.disabled = locked),
  };
}
