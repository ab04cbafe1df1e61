import type { Clock } from "./fallback.js";

/** The options of a `Connection` that are the same on every page of the server's own origin. */
export function surroundings(): { origin: string; WebSocket: typeof WebSocket; fetch: typeof fetch; clock: Clock; random: () => number };

/** localStorage, or null where a browser forbids it. */
export function storage(): Storage | null;
export function recall(key: string, otherwise?: any): any;
export function remember(key: string, value: any): void;

/** Calls back when the page is worth a look again: shown, restored, or back on the network. Returns what takes it off again. */
export function onReturn(action: () => void): () => void;
export function deviceType(): "desktop" | "mobile" | "tablet";
