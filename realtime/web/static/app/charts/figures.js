/** A few numbers that say the most: mean, median, right answers. */

import { fill, h } from "../dom.js";

/** @param {[string, string|number|null|undefined|false][]} pairs name and value; what has no value is left out */
export function makeFigures(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return shown.length > 0 && h("dl", { class: "figures" }, ...shown.map(([name, value]) => h("div", {}, h("dd", {}, String(value)), h("dt", {}, name))));
}

/**
 * Places of a chart by name, made once and kept, so that what is drawn in them can glide.
 *
 * @returns {(name: string) => HTMLElement}
 */
export function placesIn(element) {
  if (!element.plenumPlaces) {
    const places = new Map();
    const stack = h("div", { class: "stack" });
    fill(element, stack);
    element.plenumPlaces = (name) => {
      if (!places.has(name)) places.set(name, stack.appendChild(h("div", {})));
      return places.get(name);
    };
  }
  return element.plenumPlaces;
}

/** Puts new content into a place only where it differs: a screen reader would read it again. */
export function renew(place, sign, make) {
  if (place.plenumSign === sign) return;
  place.plenumSign = sign;
  fill(place, make());
}
