/** Where a client stands: the epoch names one incarnation of the live state, the offset counts what happened in it. */
export interface Position {
  epoch: string;
  offset: number;
}

/** The session's map as it is known here, and where that is. */
export interface State extends Position {
  map: Map<string, any>;
}

/** A `delta` or `snapshot` of the wire. */
export interface StateFrame extends Position {
  type: "delta" | "snapshot";
  since: number;
  set: Record<string, any>;
  removed?: string[];
  reason?: string | null;
}

/** What `apply` returns when a delta starts after the end of the state: nothing was applied. */
export const GAP: "gap";

/** The state after a frame; the state given is never changed. */
export function apply(state: State | null, frame: StateFrame): State | "gap";

/** Whether a server at this position has something that the state lacks. */
export function isBehind(state: State | null, position: Position): boolean;

/** All a client must remember to resume, or null. */
export function positionOf(state: State | null): Position | null;
