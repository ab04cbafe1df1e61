/** What became of everybody's answer from one round to the next. */

import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";

const SHOWN = 12;

/** @param {Object} change one entry of the report's `changes` */
export function drawChanges(change) {
  const { both, same, changed, only_before: left, only_after: came, from_round: from, to_round: to } = change;
  const said = [t("changes.said", { n: both, same, changed }), left ? t("changes.left", { n: left }) : "", came ? t("changes.came", { n: came }) : ""].filter(Boolean).join(" ");
  return h("div", { class: "changes stack" },
    h("h3", {}, t("changes.title", { from, to })), h("p", { class: "soft" }, said),
    change.verdicts ? makeVerdicts(change, both) : null,
    change.flows.length ? makeFlows(change) : null);
}

function makeVerdicts({ verdicts, from_round: from, to_round: to }, both) {
  const cell = (name, style) => h("td", { class: style }, h("strong", {}, number(verdicts[name])), " ", h("small", {}, percent(both ? verdicts[name] / both : 0)));
  return h("table", { class: "verdicts" },
    h("caption", { class: "off-screen" }, t("changes.verdicts")),
    h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, t("changes.rightIn", { round: to })), h("th", { scope: "col" }, t("changes.wrongIn", { round: to })))),
    h("tbody", {},
      h("tr", {}, h("th", { scope: "row" }, t("changes.rightIn", { round: from })), cell("right_right", "kept"), cell("right_wrong", "lost")),
      h("tr", {}, h("th", { scope: "row" }, t("changes.wrongIn", { round: from })), cell("wrong_right", "won"), cell("wrong_wrong", "open"))));
}

function makeFlows({ flows, from_round: from, to_round: to }) {
  const most = Math.max(...flows.map((flow) => flow.count));
  const row = (flow) => {
    const fill = h("div", { class: "fill" });
    fill.style.width = `${(100 * flow.count) / most}%`;
    return h("tr", { class: flow.from === flow.to ? "same" : "moved" },
      h("td", {}, flow.from), h("td", {}, flow.to), h("td", {}, h("div", { class: "flow" }, h("div", { class: "track", "aria-hidden": "true" }, fill), h("span", {}, number(flow.count)))));
  };
  const table = (shown, name) => h("table", { class: "flows" }, h("caption", { class: "off-screen" }, name),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("results.round", { round: from })), h("th", { scope: "col" }, t("results.round", { round: to })), h("th", { scope: "col" }, t("changes.people")))),
    h("tbody", {}, ...shown.map(row)));
  const rest = flows.slice(SHOWN);
  return h("div", { class: "stack" }, h("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": t("changes.flows") }, table(flows.slice(0, SHOWN), t("changes.flows"))),
    rest.length ? h("details", {}, h("summary", {}, t("changes.more", { n: rest.length })), table(rest, t("changes.flows"))) : null);
}
