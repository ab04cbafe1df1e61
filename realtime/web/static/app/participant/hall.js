/** A half circle of seats, as in a parliament: a picture of how many people are here. */

import { s } from "../dom.js";

const ROWS = [7, 11, 15, 19, 23];
const FIRST_RADIUS = 34;
const ROW_GAP = 15;

/** Seats in an order in which filling them looks like people finding places: spread, the same each time. */
function seats() {
  const all = ROWS.flatMap((count, row) =>
    Array.from({ length: count }, (_, i) => {
      const angle = Math.PI * (1 - i / (count - 1));
      const radius = FIRST_RADIUS + row * ROW_GAP;
      return { x: 110 + radius * Math.cos(angle), y: 104 - radius * Math.sin(angle), turn: ((row * 31 + i) * 29) % 83 };
    }),
  );
  return all.sort((a, b) => a.turn - b.turn || a.x - b.x);
}

/**
 * The hall with so many seats taken; beyond its size it is simply full.
 *
 * @param {number} taken
 * @param {number} mine index of the own seat, -1 for none
 */
export function drawHall(taken, mine = 0) {
  const circles = seats().map(({ x, y }, i) =>
    s("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 4.6, class: i === mine ? "mine" : i < taken ? "taken" : "" }),
  );
  return s("svg", { class: "hall", viewBox: "0 0 220 112", "aria-hidden": "true" }, ...circles);
}

/** Changes how many seats are taken in a hall that is drawn already. */
export function fillHall(hall, taken, mine = 0) {
  [...hall.children].forEach((circle, i) => circle.setAttribute("class", i === mine ? "mine" : i < taken ? "taken" : ""));
}
