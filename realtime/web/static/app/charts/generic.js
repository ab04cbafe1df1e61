/** For types without a chart of their own: how many answers there are, and what was said where that may be seen. */

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";

const SHOWN = 50;

export function draw(element, activity, view, counts, { items = new Map() } = {}) {
  const total = view?.total_responses ?? counts?.responses ?? 0;
  const latest = [...items.values()].sort((a, b) => (b.at_ms ?? 0) - (a.at_ms ?? 0)).slice(0, SHOWN);
  fill(
    element,
    h(
      "div",
      { class: "stack" },
      h("p", { class: "figure" }, t("generic.count", { n: total })),
      latest.length > 0 && h("ul", { class: "entries" }, ...latest.map((each) => h("li", {}, spoken(each.data ?? each)))),
    ),
  );
}

function spoken(data) {
  return typeof data?.text === "string" ? data.text : JSON.stringify(data);
}
