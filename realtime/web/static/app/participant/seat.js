/** A participant's place in a session: how it is taken, and where this device keeps it. */

import { recall, remember } from "../browser.js";
import { readProblem } from "../fallback.js";
import { uuid7 } from "../uuid7.js";

const JOIN_TRIES = 6;

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
 * was lost is the same join. `shown` is what the session asks for beyond its code: passcode, second_factor. Rejects with {code, message}; `network` when nothing is known.
 */
export async function takeSeat(code, nickname, shown = {}) {
  const joinId = recall(`plenum.join.${code}`) ?? uuid7();
  remember(`plenum.join.${code}`, joinId);
  const body = JSON.stringify({ code, nickname: nickname || null, join_id: joinId, ...shown });
  const { session_id, participant_id, nickname: given, ticket } = await postJoin(body);
  const seat = { session_id, participant_id, nickname: nickname ? given : null, ticket };
  remember(`plenum.seat.${code}`, seat);
  remember(`plenum.join.${code}`, null);
  return seat;
}

/** A hall that joins in the same second may be asked to wait a moment; the page waits, not the person. */
async function postJoin(body) {
  for (let triesLeft = JOIN_TRIES; ; triesLeft -= 1) {
    let response, answer;
    try {
      response = await fetch("/api/v1/join", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      answer = response.ok ? await response.json() : await readProblem(response);
    } catch {
      throw { code: "network", message: "" }; // cut off in the middle, or a page of the hotel's
    }
    if (response.ok) return answer;
    const isBusy = response.status === 429 || response.status === 503;
    if (!isBusy || triesLeft <= 1) throw answer;
    const afterMs = 1_000 * (Number(response.headers.get("Retry-After")) || 1);
    await new Promise((resolve) => setTimeout(resolve, afterMs * (0.5 + Math.random())));
  }
}
