/**
 * What the browser gives to the library: network, time, chance and storage. Tests give their own instead.
 *
 * @typedef {{now(): number, later(ms: number, action: () => void): any, cancel(handle: any): void}} Clock
 */

/** The arguments of a `Connection` that are the same on every page. */
export function surroundings() {
  return {
    origin: location.origin,
    WebSocket: window.WebSocket,
    fetch: (...given) => fetch(...given),
    clock: {
      now: () => Date.now(),
      later: (ms, action) => setTimeout(action, ms),
      cancel: (handle) => clearTimeout(handle),
    },
    random: Math.random,
  };
}

/** localStorage, or null where a browser forbids it (private modes, policies). One that is full still gives what it holds. */
export function storage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // callers keep what they have in memory
  }
}

/** A JSON value from storage; `otherwise` when there is none. */
export function recall(key, otherwise = null) {
  try {
    return JSON.parse(storage()?.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise; // somebody else's text under our name
  }
}

/** Keeps a JSON value in storage, where there is one; null removes it. */
export function remember(key, value) {
  try {
    if (value === null) storage()?.removeItem(key);
    else storage()?.setItem(key, JSON.stringify(value));
  } catch {
    // The storage is full: the page works on, and forgets this when it is left.
  }
}

/** Calls back when this page is worth a look again: shown, restored, or back on the network. Returns what takes it off again. */
export function onReturn(action) {
  const restored = (event) => event.persisted && action();
  const shown = () => document.visibilityState === "visible" && action();
  addEventListener("online", action);
  addEventListener("pageshow", restored);
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("online", action);
    removeEventListener("pageshow", restored);
    document.removeEventListener("visibilitychange", shown);
  };
}

/** What the page says about the device with an answer: no more than its kind. */
export function deviceType() {
  if (!matchMedia("(pointer: coarse)").matches) return "desktop";
  return Math.min(screen.width, screen.height) < 600 ? "mobile" : "tablet";
}
