/** A survey: the controls of other types in a row, answered at one's own pace and handed in together. */

import { fill, h, write } from "../dom.js";
import { t } from "../i18n.js";
import { loadControl, questionOf, wish } from "../parts.js";
import { isAsked } from "./branching.js";
import { mountForm } from "./form.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { items, show_if: rules = {}, one_page: isOnePage } = activity.config.settings;
  const answers = {};
  const pages = items.map((item) => makePage(item));
  const progress = h("progress", { max: items.length, value: 0, "aria-label": t("survey.progress") });
  const place = h("p", { class: "small soft" });
  const back = h("button", { type: "button", on: { click: () => turn(-1) } }, t("survey.back"));
  const next = h("button", { type: "button", class: "primary grow", on: { click: () => turn(1) } }, t("survey.next"));
  const steps = h("div", { class: "row survey-steps" }, back, next);
  const body = h("div", { class: "stack-l" });
  let at = 0;
  let isLocked = false;
  let form = null;

  function makePage(item) {
    const holder = h("div", {});
    const inner = { id: `${activity.id}-${item.id}`, type: item.type, title: item.title, round: activity.round, state: activity.state, config: { settings: item.settings } };
    const text = questionOf(inner);
    const title = h("h2", { tabIndex: -1 }, text, item.required && h("span", { class: "required", title: t("survey.required") }, h("span", { "aria-hidden": "true" }, " *"), h("span", { class: "off-screen" }, t("survey.required"))));
    const page = { id: item.id, isRequired: item.required === true, title, element: h("section", { class: "stack" }, title, holder), control: null, inner };
    // With every change: a survey with a hole cannot be answered.
    page.want = wish(() => loadControl(item.type), (module) => {
      const change = (answer) => {
        if (answer) answers[item.id] = answer;
        else delete answers[item.id];
        if (page.control) form?.changed();
        render();
      };
      page.control = module.mount(holder, inner, answers[item.id] ? { data: answers[item.id] } : null, () => {}, { onChange: change });
      page.control.update(inner, answers[item.id] ? { data: answers[item.id] } : null, !isLocked, {});
    });
    page.want();
    return page;
  }

  const asked = () => pages.filter((page) => isAsked(rules, page.id, answers));

  function turn(by) {
    at += by;
    render();
    asked()[at]?.title.focus();
  }

  function render() {
    if (!body.parentElement) return;
    const visible = asked();
    at = Math.max(0, Math.min(at, visible.length - 1));
    const isPaged = !isOnePage && !isLocked;
    fill(body, ...(isPaged ? [visible[at]] : visible).map((page) => page.element));
    progress.max = visible.length;
    progress.value = isPaged ? at + 1 : visible.filter((page) => answers[page.id]).length;
    progress.hidden = isLocked;
    write(place, isPaged ? t("survey.place", { n: at + 1, total: visible.length }) : "");
    steps.hidden = !isPaged || visible.length < 2;
    back.disabled = at === 0;
    next.hidden = at === visible.length - 1;
    next.disabled = visible[at].isRequired && !answers[visible[at].id];
  }

  form = mountForm(element, { activity, own, submit, onChange }, {
    parts: [h("div", { class: "stack-s" }, progress, place), body, steps],
    peek: () => ({ answers: Object.fromEntries(asked().filter((page) => answers[page.id]).map((page) => [page.id, answers[page.id]])), final: true }),
    show(answer) {
      for (const page of pages) {
        const given = answer?.answers?.[page.id];
        if (given) answers[page.id] = given;
        if (page.control && given) page.control.update(page.inner, { data: given }, false, {});
        page.control?.update(page.inner, given ? { data: given } : null, !isLocked, {});
      }
      render();
    },
    lock(locked) {
      isLocked = locked;
      for (const page of pages) {
        page.want();
        page.control?.update(page.inner, answers[page.id] ? { data: answers[page.id] } : null, !locked, {});
      }
      render();
    },
    fault({ answers: given }) {
      const missing = asked().filter((page) => page.isRequired && !given[page.id]).length;
      if (missing) return t("survey.missing", { n: missing });
      return !isOnePage && at < asked().length - 1 ? "" : Object.keys(given).length ? null : "";
    },
  });
  render();
  return form;
}
