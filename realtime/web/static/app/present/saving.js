/**
 * Whether every answer that the presenter sees counted is in the database, told from the session's map alone: each
 * `counts:<id>` carries the offset of its last counted answer, and `saved` is the offset up to which all are saved.
 *
 * @param {Map<string, any>} map
 * @returns {{total: number, isSaved: boolean}}
 */
export function savingOf(map) {
  const counts = [...map].filter(([key]) => key.startsWith("counts:")).map(([, value]) => value);
  const total = counts.reduce((sum, each) => sum + each.responses, 0);
  const last = Math.max(0, ...counts.map((each) => each.offset ?? 0));
  return { total, isSaved: (map.get("saved") ?? 0) >= last };
}
