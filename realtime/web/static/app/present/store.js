/** The sessions that this browser can run, with their tickets. */

import { recall, remember } from "../browser.js";

const KEY = "plenum.sessions";
const LIMIT = 200;

/** @returns {{id: string, ticket: string, screen_ticket?: string, title?: string, join_code?: string, made_ms?: number}[]} newest first */
export function known() {
  return recall(KEY, []);
}

/** Keeps a session, or what is new about it. */
export function keep(session) {
  const old = known().find((each) => each.id === session.id);
  const others = known().filter((each) => each.id !== session.id);
  const merged = { made_ms: Date.now(), ...old, ...session };
  const all = [...others, merged].sort((a, b) => b.made_ms - a.made_ms);
  remember(KEY, all.slice(0, LIMIT));
}

export function forget(id) {
  remember(KEY, known().filter((each) => each.id !== id));
}
