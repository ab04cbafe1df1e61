/** A word cloud: the words by how often they came; a table says the same in figures. */

import { fill, h, s, write } from "../dom.js";
import { t } from "../i18n.js";
import { makeDataTable } from "./heat.js";
import { layOut } from "./layout.js";

const SHOWN = 80;
const SMALLEST = 13;
const LARGEST = 54;
const INKS = 5;
const NARROW_PX = 480;

export function draw(element, activity, view, counts, { own = null } = {}) {
  const words = (view.words ?? []).slice(0, SHOWN);
  const sign = JSON.stringify(words.map((each) => [each.word, each.count]));
  const drawing = (element.plenumCloud ??= makeCloud(element));
  write(drawing.note, words.length === 0 ? t(view.total_words === 0 && counts?.responses ? "cloud.waiting" : "poll.nobody") : t("cloud.words", { n: view.total_words ?? words.length }));
  if (drawing.sign === sign) return;
  drawing.sign = sign;
  drawing.place(words, own);
}

function makeCloud(element) {
  const svg = s("svg", { class: "cloud", "aria-hidden": "true" });
  const note = h("p", { class: "small soft" });
  const table = h("div", {});
  const texts = new Map();
  const pen = document.createElement("canvas").getContext("2d");
  fill(element, h("div", { class: "stack" }, svg, note, table));
  return {
    sign: null,
    note,
    place(words) {
      const font = getComputedStyle(element).fontFamily;
      const sized = words.map((each) => ({ ...each, size: SMALLEST + (LARGEST - SMALLEST) * Math.sqrt((each.size - 10) / 90) }));
      const boxes = sized.map(({ word, size }) => {
        pen.font = `700 ${size}px ${font}`;
        return { width: pen.measureText(word).width + 8, height: size * 1.12 };
      });
      const spots = layOut(boxes, element.clientWidth < NARROW_PX ? 1 : 1.9);
      svg.toggleAttribute("hidden", words.length === 0);
      frame(svg, boxes, spots);
      const kept = new Set();
      sized.forEach(({ key, word, size }, i) => {
        if (!spots[i]) return;
        kept.add(key);
        if (!texts.has(key)) texts.set(key, svg.appendChild(s("text", { "text-anchor": "middle", "dominant-baseline": "central", class: `ink-${texts.size % INKS}` })));
        const text = texts.get(key);
        write(text, word);
        text.style.fontSize = `${size}px`;
        text.style.transform = `translate(${spots[i].x.toFixed(1)}px, ${spots[i].y.toFixed(1)}px)`;
      });
      for (const [key, text] of texts) {
        if (kept.has(key)) continue;
        text.remove();
        texts.delete(key);
      }
      fill(table, words.length > 0 && makeDataTable(t("chart.asTable"), [t("cloud.header"), t("chart.count")], words.map((each) => [each.word, each.count])));
    },
  };
}

/** The picture's edges: those of all words, and never much higher than wide. */
function frame(svg, boxes, spots) {
  const edges = spots.flatMap((spot, i) => (spot ? [[Math.abs(spot.x) + boxes[i].width / 2, Math.abs(spot.y) + boxes[i].height / 2]] : []));
  const x = Math.max(150, ...edges.map((each) => each[0])) + 4;
  const y = Math.max(70, ...edges.map((each) => each[1])) + 4;
  svg.setAttribute("viewBox", `${-x} ${-y} ${2 * x} ${2 * y}`);
}
