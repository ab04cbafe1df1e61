/**
 * Controls and charts by the name of their activity type, from a checked list; what is not on it gets the generic ones.
 *
 *     controls/<type>.js   mount(element, activity, own, submit, {onChange}) -> {update(activity, own, isAsking, extras)}
 *     charts/<type>.js     draw(element, activity, view, counts, extras)
 *
 * `activity` is the value of its key in the state, `own` the person's own response or null (`own.data` is the answer),
 * `submit(data, options)` hands an answer over. `draw` may be called again on the same element. `extras` has
 * `items` (further parts of the view by id), `own`, and for controls `view` and `mine` (all own responses). Inside a
 * survey a control gets `onChange`, called with the answer so far or null, and has no button of its own. A control
 * that exports `several = true` takes more than one contribution per person and shows the result itself.
 */

import { loadTexts } from "./i18n.js";

export const TYPES = [
  "poll", "quiz", "word_cloud", "rating", "open_text", "numeric", "ranking", "ordering", "short_answer", "matching", "points_allocation",
  "qna", "planning_poker", "table_completion", "cloze", "hotspot", "brainstorm", "reaction", "survey", "buzzer", "generic",
];
const KNOWN = new Set(TYPES);
const LOAD_AGAIN_MS = [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000];
const ALIASES = { multiple_choice: "poll", single_choice: "poll", yes_no: "poll", vote: "poll" };

function pick(type) {
  const name = ALIASES[type] ?? type;
  return KNOWN.has(name) ? name : "generic";
}

/**
 * What `load` loads; where the network loses it, it is asked for again, because nobody presses a button to have the next
 * question. Rejects in the end, so that the caller may try anew with the next change.
 *
 * @template T @param {() => Promise<T>} load @param {(ms: number) => Promise<any>} [wait] @returns {Promise<T>}
 */
export async function loadSurely(load, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await load();
    } catch (error) {
      if (tries === LOAD_AGAIN_MS.length) throw error;
      await wait(LOAD_AGAIN_MS[tries]);
    }
  }
}

/**
 * Something that may not come: returns what asks for it. It is not asked for while it is on its way, nor once it is there;
 * what was lost is asked for anew with the next call.
 *
 * @template T @param {() => Promise<T>} load @param {(found: T) => void} onCome @returns {() => Promise<void>}
 */
export function wish(load, onCome) {
  let isSettled = false; // on its way, or there
  return async () => {
    if (isSettled) return;
    isSettled = true;
    const found = await load().catch(() => null);
    if (found) onCome(found);
    else isSettled = false;
  };
}

/** The control of a type, with the texts it says and its looks. */
export function loadControl(type) {
  return loadPart(`./controls/${pick(type)}.js`);
}

/** The chart of a type, with the texts it says and its looks. */
export function loadChart(type) {
  return loadPart(`./charts/${pick(type)}.js`);
}

async function loadPart(path) {
  const [module] = await loadSurely(() => Promise.all([import(path), loadTexts("types"), loadStyles()]));
  return module;
}

/** The style sheet of controls and charts: a phone at the door does without it. */
export function loadStyles() {
  styles ??= new Promise((resolve) => {
    const href = new URL("./types.css", import.meta.url).href;
    if ([...document.styleSheets].some((sheet) => sheet.href === href)) {
      resolve();
      return;
    }
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href, onload: resolve, onerror: resolve }); // plain looks are better than none
    document.head.append(link);
  });
  return styles;
}

let styles = null;

/** What a person is asked, whatever the type calls it. */
export function questionOf(activity) {
  const settings = activity.config?.settings ?? {};
  const own = settings.question || settings.prompt || settings.topic || settings.story?.title || settings.title;
  return own || activity.config?.display?.title || activity.title || "";
}

/** Further parts of an activity's view by id. @param {Map<string, any>} map the session's map */
export function itemsOf(map, activityId) {
  const prefix = `view:${activityId}:item:`;
  return new Map([...map].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]));
}

/** All activities that may be seen, in the presenter's order. @param {Map<string, any>} map */
export function activitiesOf(map) {
  const found = [...map].filter(([key]) => key.startsWith("activity:")).map(([, value]) => value);
  return found.sort((a, b) => a.order_index - b.order_index || (a.id < b.id ? -1 : 1));
}

/**
 * Whether everybody may see an activity's numbers now: the rule of `sight_of` in `activities/contract.py`, for a page
 * that holds a presenter's ticket but stands in front of everybody.
 */
export function isPublic(activity) {
  const { counts = "live", results = "on_reveal" } = activity.config?.reveal ?? {};
  const isOver = activity.state === "closed" || activity.state === "cancelled";
  const reached = (rule) =>
    rule === "live" || (rule === "on_reveal" && activity.revealed) || (rule === "after_close" && (isOver || activity.revealed));
  return reached(results) || reached(counts);
}
