/** A survey: each question with the chart of its type. */

import { h, write } from "../dom.js";
import { t } from "../i18n.js";
import { loadChart, questionOf, wish } from "../parts.js";

export function draw(element, activity, view, counts, { items = new Map(), own = null } = {}) {
  const drawing = (element.plenumSurvey ??= makeSections(element, activity));
  write(drawing.note, t("survey.finished", { n: view.finished ?? 0, total: view.started ?? 0 }));
  for (const section of drawing.sections) {
    const part = view.items?.[section.id];
    section.element.hidden = !part;
    if (!part) continue;
    section.want();
    const prefix = `${section.id}/`;
    const parts = new Map([...items].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]));
    const given = own?.data?.answers?.[section.id];
    const question = activity.config.settings.items.find((item) => item.id === section.id);
    const inner = { ...activity, id: `${activity.id}-${section.id}`, type: question.type, title: question.title, config: { ...activity.config, settings: question.settings } };
    section.latest = () => section.draw?.(section.chart, inner, part, { responses: part.n }, { items: parts, own: given ? { data: given } : null });
    section.latest();
  }
}

function makeSections(element, activity) {
  const note = h("p", { class: "figure" });
  const sections = activity.config.settings.items.map((item, i) => {
    const chart = h("div", {});
    const title = questionOf({ title: item.title, config: { settings: item.settings } });
    const section = { id: item.id, chart, draw: null, latest: () => {}, element: h("section", { class: "stack survey-part" }, h("h2", { class: "part-title" }, `${i + 1}. ${title}`), chart) };
    section.want = wish(() => loadChart(item.type), (module) => {
      section.draw = module.draw;
      section.latest();
    });
    return section;
  });
  element.replaceChildren(h("div", { class: "stack-l" }, note, ...sections.map((section) => section.element)));
  return { note, sections };
}
