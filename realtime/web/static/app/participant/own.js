/** A person's own responses to one activity: what the server told and what still waits here, as one list. */

/**
 * @typedef {{entry: string|null, response_id: string|null, submission_id: string, data: any, revision: number,
 *   step: "kept"|"sending"|"counted"|"saved", withdrawn: boolean}} Own
 *
 * @param {Object} source
 * @param {Object[]} source.mine as the server told, all of this activity
 * @param {import("../outbox.js").Entry[]} source.entries all that the outbox holds
 * @param {{id: string, round: number}} activity
 * @param {{saved: number, isAway: boolean}} now the watermark, and whether nothing can be sent
 * @returns {Own[]} withdrawn ones included, in the order in which they came
 */
export function ownOf({ mine, entries }, { id, round }, { saved, isAway }) {
  const found = new Map();
  for (const each of mine) {
    if (each.round !== round) continue;
    found.set(each.entry, { ...pick(each), withdrawn: each.withdrawn === true, step: each.offset <= saved ? "saved" : "counted" });
  }
  const known = new Map([...found].map(([entry, each]) => [each.submission_id, entry]));
  for (const each of entries) {
    if (each.activity_id !== id || each.round !== round) continue;
    const slot = each.entry ?? known.get(each.submission_id) ?? `?${each.submission_id}`;
    const single = found.get(slot) ?? (each.entry === null && found.get(""));
    if (single && each.revision < single.revision) continue;
    const step = each.state === "counted" ? "counted" : isAway ? "kept" : "sending";
    const at = single && slot.startsWith("?") ? "" : slot; // one answer per person applies: this one changes it
    found.set(at, { ...pick({ response_id: single?.response_id ?? null, ...each }), entry: at.startsWith("?") ? null : at, withdrawn: each.withdraw, step });
  }
  return [...found.values()];
}

function pick({ entry, response_id, submission_id, data, revision }) {
  return { entry, response_id: response_id ?? null, submission_id, data, revision };
}

/** The newest of them; null where there is none, or where it was taken back. @param {Own[]} all @returns {Own|null} */
export function newestOf(all) {
  const newest = all.reduce((latest, each) => (!latest || each.submission_id > latest.submission_id ? each : latest), null);
  return newest && !newest.withdrawn ? newest : null;
}
