/**
 * Whether every answer that the presenter sees counted is in the database, told from the session's map alone.
 *
 * `saved` is an offset; an answer is saved once `saved` reaches its own. The map does not say at which offset the last
 * answer was counted, so each change of a count is taken to have happened as late as its frame allows: at the frame's end,
 * less the offsets that other keys of the same frame must have used.
 */
export class Saving {
  #counts = new Map();
  #epoch = null;
  #lastAnswer = 0;

  /** Takes a new state in. @param {import("../sync.js").State} state @returns {{total: number, isSaved: boolean}} */
  take(state) {
    const counts = new Map([...state.map].filter(([key]) => key.startsWith("counts:")).map(([key, value]) => [key, value.responses]));
    const isFirst = this.#epoch !== state.epoch;
    const isChanged = [...counts].some(([key, responses]) => this.#counts.get(key) !== responses);
    if (isFirst) this.#lastAnswer = 0; // a snapshot does not tell; the next `saved` will
    else if (isChanged) this.#lastAnswer = state.offset - this.#othersIn(state);
    this.#previous = state.map;
    this.#counts = counts;
    this.#epoch = state.epoch;
    const total = [...counts.values()].reduce((sum, responses) => sum + responses, 0);
    return { total, isSaved: (state.map.get("saved") ?? 0) >= this.#lastAnswer };
  }

  #previous = new Map();

  /** How many keys besides counts and views differ from the state before: each took an offset of its own. */
  #othersIn(state) {
    const isOther = (key) => !key.startsWith("counts:") && !key.startsWith("view:");
    return [...state.map].filter(([key, value]) => isOther(key) && this.#previous.get(key) !== value).length;
  }
}
