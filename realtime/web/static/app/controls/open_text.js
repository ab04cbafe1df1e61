/** Free text: one answer or several. */

import { t } from "../i18n.js";
import { mountForm } from "./form.js";
import { makeWords } from "./words.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { max_entries: most = 1, min_length: least = 1, max_length: length = 1_000, multiline = true } = activity.config.settings;
  const label = (i) => (most > 1 ? t("text.entry", { n: i + 1 }) : t("generic.answer"));
  const texts = makeWords({ name: `text-${activity.id}`, most, length, isLong: multiline, label });
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [texts.element],
    peek: () => ({ entries: texts.read() }),
    show: (answer) => texts.show(answer?.entries),
    lock: texts.lock,
    fault({ entries }) {
      if (entries.length === 0) return "";
      if (entries.some((text) => text.length < least)) return t("text.tooShort", { n: least });
      return new Set(entries).size < entries.length ? t("text.twice") : null;
    },
  });
}
