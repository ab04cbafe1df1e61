/**
 * Every text of the pages comes from a catalogue in `texts/`: `<language>.js` for all pages, `<language>.<part>.js` for
 * what only some need. Only the reader's language is loaded; a test keeps all of them complete.
 */

export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", nl: "Nederlands" };

const texts = {};
const loaded = new Set();
let plural = new Intl.PluralRules("en");
let numbers = new Intl.NumberFormat("en");

/** The language of the page, which `theme.js` chose before the first paint. */
export function language() {
  const { lang } = document.documentElement;
  return lang in LANGUAGES ? lang : "en";
}

/** Loads catalogues in the reader's language: the common one, and these parts. @param {...string} parts */
export async function loadTexts(...parts) {
  const wanted = language();
  const names = [wanted, ...parts.map((part) => `${wanted}.${part}`)].filter((name) => !loaded.has(name));
  const modules = await Promise.all(names.map((name) => import(`./texts/${name}.js`)));
  modules.forEach((module, i) => {
    loaded.add(names[i]);
    Object.assign(texts, module.default);
  });
  plural = new Intl.PluralRules(wanted);
  numbers = new Intl.NumberFormat(wanted);
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

/** A share of one as whole percent. */
export function percent(share) {
  return new Intl.NumberFormat(language(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** A moment (ISO text or milliseconds) as the time of day. */
export function timeOfDay(moment) {
  return new Date(moment).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" });
}

/** The sentence for a refusal: ours if we have one, else the server's. @param {{code: string, message?: string}} refusal */
export function sentence({ code, message }) {
  return has(`refused.${code}`) ? t(`refused.${code}`) : message || t("refused.internal");
}
