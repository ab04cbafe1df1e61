/** A participant's place in a session: how it is taken, and where this device keeps it. */

import { recall, remember } from "../browser.js";
import { readProblem } from "../fallback.js";
import { uuid7 } from "../uuid7.js";

/** A code as people type it, to the code as it is: no blanks, no dashes, capitals. Empty when it cannot be one. */
export function readCode(text) {
  const code = text.replace(/[\s\-–—.]/g, "").toUpperCase();
  return /^[A-Z0-9]{3,16}$/.test(code) ? code : "";
}

/** @returns {{session_id: string, participant_id: string, nickname: string|null, ticket: string}|null} */
export function seatOf(code) {
  return recall(`plenum.seat.${code}`);
}

export function leaveSeat(code) {
  remember(`plenum.seat.${code}`, null);
  remember(`plenum.join.${code}`, null);
}

/**
 * Joins the session. The join id is made before the first try and kept until one succeeds, so that a try whose reply
 * was lost is the same join. Rejects with {code, message}; `network` when nothing is known.
 */
export async function takeSeat(code, nickname) {
  const joinId = recall(`plenum.join.${code}`) ?? uuid7();
  remember(`plenum.join.${code}`, joinId);
  let response;
  try {
    response = await fetch("/api/v1/join", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code, nickname: nickname || null, join_id: joinId }),
    });
  } catch {
    throw { code: "network", message: "" };
  }
  if (!response.ok) throw await readProblem(response);
  const { session_id, participant_id, nickname: taken, ticket } = await response.json();
  const seat = { session_id, participant_id, nickname: taken, ticket };
  remember(`plenum.seat.${code}`, seat);
  remember(`plenum.join.${code}`, null);
  return seat;
}
