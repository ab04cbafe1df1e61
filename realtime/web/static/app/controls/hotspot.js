/** Points on a picture: by a tap, or by the arrow keys and Enter. */

import { announce, fill, h, icon, s, write } from "../dom.js";
import { number, t } from "../i18n.js";
import { mountForm } from "./form.js";

const STEP = 0.02;
const NEAR = 0.03;
export const GRID = "plenum-grid"; // a picture that Plenum draws itself: a field with two axes

/** The picture of a hotspot activity. */
export function makePicture({ url, media_id, width, height, alt }) {
  const frame = h("div", { class: "picture-frame" });
  frame.style.aspectRatio = `${width} / ${height}`;
  if (url) frame.append(h("img", { src: url, alt: alt || t("spot.picture"), draggable: false }));
  else {
    const label = media_id === GRID ? alt || t("spot.grid") : t("spot.missing");
    const lines = ["M50 0V100", "M0 50H100"].map((d) => s("path", { d, "vector-effect": "non-scaling-stroke" }));
    frame.append(s("svg", { class: "axes", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...lines));
    const words = (alt ?? "").split("|").map((word) => word.trim());
    if (words.length === 4) words.forEach((word, i) => frame.append(h("span", { class: `axis-word at-${i}` }, word)));
  }
  return frame;
}

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { image, min_points: least = 1, max_points: most = 1 } = activity.config.settings;
  const marks = h("div", { class: "marks" });
  const cursor = h("span", { class: "cursor", hidden: true });
  const list = h("ul", { class: "row" });
  const frame = makePicture(image);
  const place = h("div", { class: "picture", tabIndex: 0, role: "application", "aria-label": t("spot.keys") }, frame, marks, cursor);
  let points = [];
  let isLocked = false;
  let aim = { x: 0.5, y: 0.5 };
  let form = null;

  const put = (x, y) => {
    const point = { x: Number(x.toFixed(4)), y: Number(y.toFixed(4)) };
    const near = points.findIndex((each) => Math.hypot(each.x - point.x, each.y - point.y) < NEAR);
    if (near >= 0 && most > 1) points.splice(near, 1);
    else points = [...points.slice(most === 1 ? 1 : 0), point].slice(0, most);
    render();
    form.changed();
    announce(t("spot.put", { n: points.length, x: Math.round(100 * x), y: Math.round(100 * y) }));
  };
  place.addEventListener("click", (event) => {
    if (isLocked) return;
    const box = frame.getBoundingClientRect();
    put(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)), Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)));
  });
  place.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (isLocked || (!way && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    if (!way) {
      put(aim.x, aim.y);
      return;
    }
    aim = { x: Math.min(1, Math.max(0, aim.x + way[0] * STEP)), y: Math.min(1, Math.max(0, aim.y + way[1] * STEP)) };
    cursor.hidden = false;
    setPlace(cursor, aim);
    announce(t("spot.at", { x: Math.round(100 * aim.x), y: Math.round(100 * aim.y) }));
  });
  place.addEventListener("blur", () => (cursor.hidden = true));

  function render() {
    fill(marks, ...points.map((point, i) => {
      const mark = h("span", { class: "mark", "aria-hidden": "true" }, most > 1 ? number(i + 1) : "");
      setPlace(mark, point);
      return mark;
    }));
    fill(list, ...(most > 1 && !isLocked ? points : []).map((point, i) =>
      h("li", {}, h("button", { type: "button", on: { click: () => remove(i) } }, icon("cross"), t("spot.remove", { n: i + 1 })))));
  }

  function remove(i) {
    points = points.filter((_, at) => at !== i);
    render();
    form.changed();
  }

  const hint = h("p", { class: "small soft" });
  write(hint, most > 1 ? t("spot.many", { n: most }) : t("spot.one"));
  form = mountForm(element, { activity, own, submit, onChange }, {
    parts: [hint, place, list],
    peek: () => ({ points }),
    show(answer) {
      points = answer?.points ?? [];
      render();
    },
    lock(locked) {
      isLocked = locked;
      hint.hidden = locked;
      place.classList.toggle("locked", locked);
      render();
    },
    fault: ({ points: given }) => (given.length < least ? "" : null),
  });
  return form;
}

/** Puts a mark at a share of width and height. A picture keeps its sides in right-to-left pages. */
export function setPlace(mark, { x, y }) {
  mark.style.left = `${100 * x}%`;
  mark.style.top = `${100 * y}%`;
}
