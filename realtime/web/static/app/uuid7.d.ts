/** Makes version 7 ids: they sort by time. */
export function makeUuid7(now?: () => number, fill?: (bytes: Uint8Array) => Uint8Array): () => string;

/** A new submission id. */
export const uuid7: () => string;
