/**
 * The live result of one activity (`activity` in the address), or of the one in focus, as an element of another page.
 * It sees what the big screen sees. How high it is, it tells the page around it; nothing else.
 */

import { onReturn, surroundings } from "./browser.js";
import { Connection } from "./connection.js";
import { fill, h, write } from "./dom.js";
import { loadTexts, sentence, t } from "./i18n.js";
import { activitiesOf, isPublic, itemsOf, loadChart, questionOf, wish } from "./parts.js";

await loadTexts("types", "results");
const given = new URLSearchParams(location.hash.slice(1));
const wanted = given.get("activity");
const connection = new Connection({ ...surroundings(), sessionId: given.get("session"), ticket: given.get("ticket") });
const main = h("main", {}, h("p", { class: "soft", role: "status" }, t("results.loading")));
let shown = null;
fill(document.body, main);
new ResizeObserver(() => parent.postMessage({ type: "plenum.height", height: Math.ceil(main.getBoundingClientRect().height) }, "*")).observe(main);
connection.on("state", ({ map }) => render(map));
connection.on("closed", (reason) => fill(main, h("p", { class: "soft" }, sentence(reason))));
onReturn(() => connection.probe());
if (given.get("session") && given.get("ticket")) connection.start();
else fill(main, h("p", { class: "soft" }, t("results.unknown")));

function render(map) {
  const id = wanted ?? map.get("session")?.focus;
  const activity = activitiesOf(map).find((each) => each.id === id && !["draft", "cancelled"].includes(each.state));
  if (!activity) {
    shown = null;
    fill(main, h("p", { class: "soft" }, t("results.waiting")));
    return;
  }
  if (shown?.key !== `${activity.id}/${activity.type}`) {
    shown = { key: `${activity.id}/${activity.type}`, title: h("h1", {}), count: h("p", { class: "soft small" }), chart: h("div", {}), draw: null };
    const mine = shown;
    shown.wantChart = wish(() => loadChart(activity.type), ({ draw }) => {
      mine.draw = draw;
      render(connection.state.map);
    });
    fill(main, h("section", { class: "card stack" }, shown.title, shown.chart, shown.count));
  }
  shown.wantChart();
  const view = map.get(`view:${activity.id}`);
  const counts = map.get(`counts:${activity.id}`);
  write(shown.title, questionOf(activity));
  write(shown.count, t("results.answered", { n: counts?.responses ?? 0 }));
  shown.chart.hidden = !view || !isPublic(activity);
  if (!shown.chart.hidden && shown.draw) shown.draw(shown.chart, activity, view, counts, { items: itemsOf(map, activity.id) });
}
