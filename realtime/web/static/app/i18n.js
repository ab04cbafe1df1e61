/**
 * Every text of the pages comes from a catalogue in `texts/`, one file per language. English is always loaded and
 * stands in for what another language lacks.
 */

const SUPPORTED = ["en"];
const texts = {};
let plural = new Intl.PluralRules("en");
let numbers = new Intl.NumberFormat("en");

/** Loads a page's catalogues in the reader's language. @param {string} [page] further texts: `texts/<language>.<page>.js` */
export async function loadTexts(page) {
  const wanted = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => SUPPORTED.includes(tag)) ?? "en";
  for (const language of new Set(["en", wanted])) {
    const names = page ? [language, `${language}.${page}`] : [language];
    for (const name of names) Object.assign(texts, (await import(`./texts/${name}.js`)).default);
  }
  plural = new Intl.PluralRules(wanted);
  numbers = new Intl.NumberFormat(wanted);
  document.documentElement.lang = wanted;
}

/**
 * A text with its `{names}` filled in. A text of several forms is chosen by the number `n`.
 *
 * @param {string} key
 * @param {Object<string, string|number>} [values]
 */
export function t(key, values = {}) {
  const entry = texts[key];
  const form = typeof entry === "object" ? (entry[plural.select(values.n)] ?? entry.other) : entry;
  return (form ?? key).replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : (values[name] ?? "")));
}

/** Whether the catalogue has a text. */
export function has(key) {
  return key in texts;
}

export function number(value) {
  return numbers.format(value);
}

/** The sentence for a refusal: ours if we have one, else the server's. @param {{code: string, message?: string}} refusal */
export function sentence({ code, message }) {
  return has(`refused.${code}`) ? t(`refused.${code}`) : message || t("refused.internal");
}
