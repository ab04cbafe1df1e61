/** A picture for each type of activity, so that a presenter finds it without reading. */

import { icon, s } from "../dom.js";
import { TYPES } from "../parts.js";

const OF_ALL = { quiz: "check", rating: "star", open_text: "pencil", hotspot: "pin", qna: "question", reaction: "heart", short_answer: "keys", generic: "phone", planning_poker: "copy" };
const SHAPES = {
  poll: "M5 20V11M12 20V4M19 20v-6",
  word_cloud: "M7 18a4.5 4.5 0 0 1-.6-9A6 6 0 0 1 18 10.2a4 4 0 0 1-.5 7.8Z",
  numeric: "M9 4L7 20M17 4l-2 16M4 9h17M3 15h17",
  ranking: "M4 6h16M4 12h11M4 18h6",
  points_allocation: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 12V3M12 12l7.5 5",
  survey: "M8 6h13M8 12h13M8 18h13M3 6h.01M3 12h.01M3 18h.01",
  ordering: "M7 4v16M7 20l-4-4M7 20l4-4M14 6h7M14 12h5M14 18h3",
  matching: "M4 6h5M15 18h5M9 6c5 0 1 12 6 12M4 18h5M15 6h5",
  cloze: "M3 7h18M3 13h5M16 13h5M9.5 17h5",
  table_completion: "M3 5h18v14H3ZM3 11h18M10 5v14",
  brainstorm: "M9 18h6M10 21h4M8.5 15A6.5 6.5 0 1 1 15.5 15v1h-7Z",
  buzzer: "M6 17V11a6 6 0 0 1 12 0v6ZM4 17h16M10.5 20h3M12 3v2",
};
const KNOWN = new Set(TYPES);

/** The name by which the pages know a type; what a server has besides is an open answer to them. */
export function kindOf(type) {
  return KNOWN.has(type) ? type : "generic";
}

export function kindIcon(type) {
  const kind = kindOf(type);
  return kind in SHAPES ? s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: SHAPES[kind] })) : icon(OF_ALL[kind]);
}
