/** A word cloud's control: a few short words. */

import { t } from "../i18n.js";
import { mountForm } from "./form.js";
import { makeWords } from "./words.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { max_words_per_submission: most = 3, max_word_length: length = 20, allow_phrases: phrases = true } = activity.config.settings;
  const label = (i) => (most > 1 ? t("cloud.word", { n: i + 1 }) : t("cloud.one"));
  const words = makeWords({ name: `word-${activity.id}`, most, first: Math.min(most, 3), length, label });
  return mountForm(element, { activity, own, submit, onChange }, {
    parts: [words.element],
    peek: () => ({ words: words.read() }),
    show: (answer) => words.show(answer?.words),
    lock: words.lock,
    fault({ words: given }) {
      if (given.length === 0) return "";
      return !phrases && given.some((word) => /\s/.test(word)) ? t("cloud.noBlanks") : null;
    },
  });
}
