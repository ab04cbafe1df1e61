/** What the presenter's page asks over plain HTTP, and which taking of the lead is this tab's own. */

import { complain } from "../dialogs.js";
import { readProblem } from "../fallback.js";

const kept = new Map(); // where a browser forbids storage

/** The token with which this tab leads a session; undefined where it never took the lead. @param {string} id of the session */
export function leaseOf(id) {
  let text = kept.get(id);
  try {
    text ??= sessionStorage.getItem(`plenum.lease.${id}`); // of the tab: another one of the same browser does not lead with it
  } catch {
    // Kept in memory alone: a reload has to take over again.
  }
  return Number(text) || undefined;
}

export function keepLease(id, token) {
  kept.set(id, token);
  try {
    sessionStorage.setItem(`plenum.lease.${id}`, token);
  } catch {
    // As above.
  }
}

/**
 * The answer of the API as JSON; null where it refused, which is given to `onRefusal`, or said.
 *
 * @param {{id: string, ticket: string}} session
 * @param {string} path below the session
 * @param {{method?: string, body?: Object, onRefusal?: (refusal: Object) => void}} [more]
 */
export async function rest({ id, ticket }, path, { method = "GET", body, onRefusal = complain } = {}) {
  const lease = leaseOf(id);
  try {
    const response = await fetch(`/api/v1/sessions/${id}/${path}`, {
      method,
      headers: { Authorization: `Bearer ${ticket}`, ...(lease && { "Plenum-Lease": String(lease) }), ...(body && { "Content-Type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (response.ok) return response.status === 204 ? {} : await response.json();
    onRefusal(await readProblem(response));
  } catch {
    onRefusal({ code: "network" });
  }
  return null;
}
