/** What a presenter can do with an activity in each of its states; the rules of `core/session.py` as buttons. */

import { isPublic } from "../parts.js";

/**
 * The moves that lead on from here, the likeliest first.
 *
 * @returns {{name: string, key?: string, isMain?: boolean, command: Object}[]} `name` is a text of the catalogue
 */
export function movesOf(activity, isFocused) {
  const { id, state, version } = activity;
  const move = (name, to, more = {}) => ({ name, ...more, command: { type: "move", activity_id: id, to, expected_version: version, ...more.command } });
  const open = move("stage.open", "active", { key: "o", isMain: true });
  const close = move("stage.close", "closed", { key: "c", isMain: state === "active" });
  const reveal = {
    name: activity.revealed ? "stage.hide" : "stage.reveal",
    key: "r",
    isMain: state === "closed" && !activity.revealed && !isPublic(activity),
    command: { type: "reveal", activity_id: id, revealed: !activity.revealed, expected_version: version },
  };
  const focus = {
    name: isFocused ? "stage.unfocus" : "stage.focus",
    key: "f",
    command: { type: "move_session", focus: isFocused ? "" : id },
  };
  switch (state) {
    case "draft": return [open];
    case "published": return [open, focus];
    case "active": return [close, move("stage.pause", "paused", { key: "p" }), reveal, focus];
    case "paused": return [move("stage.resume", "active", { key: "o", isMain: true }), close, reveal, focus];
    case "closed": return [reveal, focus, move("stage.newRound", "active", { command: { new_round: true } }), move("stage.reopen", "active", { key: "o" })];
    default: return [move("stage.restore", "draft")];
  }
}

/** Whether question and options may still be rewritten: once it was open, answers may refer to them. */
export function isEditable(activity) {
  return !activity.opened_at_ms && (activity.state === "draft" || activity.state === "published");
}
