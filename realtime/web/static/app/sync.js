/**
 * The copy of a session's map that a client holds, and the one law by which it changes.
 *
 * Pure, and the same as `Mirror` in `realtime/core/sync.py`; both are tested on `tests/wire/sync/*.json`.
 *
 * @typedef {{epoch: string, offset: number}} Position
 * @typedef {{epoch: string, offset: number, map: Map<string, any>}} State
 * @typedef {{type: "delta"|"snapshot", epoch: string, since: number, offset: number,
 *            set: Object<string, any>, removed?: string[], reason?: string|null}} StateFrame
 */

/** What `apply` returns when a delta starts after the end of the state: nothing was applied, ask with `sync`. */
export const GAP = "gap";

/**
 * The state after a frame; the state given is never changed. A snapshot replaces everything. A delta must have the
 * state's own epoch and may not start after its offset; one that ends before it is older than what is here.
 * A removed key takes with it every key that begins with it and a colon.
 *
 * @param {State|null} state null before the first snapshot
 * @param {StateFrame} frame
 * @returns {State|"gap"}
 */
export function apply(state, frame) {
  if (frame.type === "snapshot") {
    return { epoch: frame.epoch, offset: frame.offset, map: new Map(Object.entries(frame.set)) };
  }
  if (state === null || frame.epoch !== state.epoch || frame.since > state.offset) return GAP;
  if (frame.offset < state.offset) return state;
  const map = new Map(state.map);
  for (const key of frame.removed ?? []) {
    map.delete(key);
    for (const name of state.map.keys()) if (name.startsWith(`${key}:`)) map.delete(name);
  }
  for (const [key, value] of Object.entries(frame.set)) map.set(key, value);
  return { epoch: frame.epoch, offset: frame.offset, map };
}

/** Whether a server at this position has something that the state lacks. @param {State|null} state @param {Position} position */
export function isBehind(state, position) {
  return state === null || state.epoch !== position.epoch || state.offset < position.offset;
}

/** All a client must remember, or null. @param {State|null} state @returns {Position|null} */
export function positionOf(state) {
  return state && { epoch: state.epoch, offset: state.offset };
}
