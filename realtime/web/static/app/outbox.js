/**
 * Answers that are not yet known to be in the database. An answer is kept here before it is first sent and until
 * a `saved` value of the epoch that accepted it reaches its offset; until then it is sent again after every reconnect.
 *
 * The functions are pure (a list of entries in, a list out). `Outbox` keeps the list in storage.
 *
 * @typedef {Object} Entry
 * @property {string} submission_id made once per press, before the first send
 * @property {string} activity_id
 * @property {number} round
 * @property {any} data the answer; null for a withdrawal
 * @property {number} revision this person's count of changes to this response, from 1
 * @property {string|null} entry which of several responses of this person; null: the activity type decides
 * @property {boolean} withdraw
 * @property {Object|null} metadata
 * @property {string|null} receipt of an earlier acceptance; admits the answer even after closing
 * @property {string|null} epoch of the acceptance
 * @property {number|null} offset of the acceptance
 * @property {"waiting"|"counted"} state
 */

export const OUTBOX_LIMIT = 200;

/** @param {Partial<Entry>} press @returns {Entry} */
export function makeEntry(press) {
  return {
    submission_id: press.submission_id,
    activity_id: press.activity_id,
    round: press.round,
    data: press.data ?? null,
    revision: press.revision ?? 1,
    entry: press.entry ?? null,
    withdraw: press.withdraw ?? false,
    metadata: press.metadata ?? null,
    receipt: null,
    epoch: null,
    offset: null,
    state: "waiting",
  };
}

/** The entry is counted: remember its receipt and where it was counted. */
export function accept(entries, { submission_id, receipt, epoch, offset }) {
  return entries.map((entry) =>
    entry.submission_id === submission_id ? { ...entry, receipt: receipt ?? entry.receipt, epoch, offset, state: "counted" } : entry,
  );
}

/** Without one entry: it was refused for good. */
export function refuse(entries, submissionId) {
  return entries.filter((entry) => entry.submission_id !== submissionId);
}

/** Splits off what the database now holds. @returns {{kept: Entry[], saved: Entry[]}} */
export function settle(entries, epoch, savedOffset) {
  const isSaved = (entry) => entry.state === "counted" && entry.epoch === epoch && entry.offset <= savedOffset;
  return { kept: entries.filter((entry) => !isSaved(entry)), saved: entries.filter(isSaved) };
}

/** A new epoch may have forgotten what an earlier one counted: such entries wait to be sent again. */
export function fallBack(entries, epoch) {
  return entries.map((entry) => (entry.state === "counted" && entry.epoch !== epoch ? { ...entry, state: "waiting" } : entry));
}

/**
 * The revision of the next change to a response: one above all that this device knows of.
 *
 * @param {Entry[]} entries
 * @param {{entry: string, round: number, revision: number}[]} mine own responses to this activity
 */
export function nextRevision(entries, mine, activityId, round, entry = "") {
  const known = [
    ...entries.filter((each) => each.activity_id === activityId && each.round === round && (each.entry ?? "") === entry),
    ...mine.filter((each) => each.round === round && each.entry === entry),
  ];
  return Math.max(0, ...known.map((each) => each.revision)) + 1;
}

/** Own responses as the server tells them, from an acceptance and the entry that was accepted. */
export function ownOf({ response_id, entry, round, revision, submission_id, offset }, { data, withdraw }) {
  return { response_id, entry, round, revision, submission_id, offset, data, withdrawn: withdraw };
}

/**
 * Own responses by activity, with changes taken in: of one response, the higher revision stands.
 *
 * @param {Map<string, Object[]>} mine
 * @param {Object<string, Object[]>} changes
 */
export function mergeOwn(mine, changes) {
  const merged = new Map(mine);
  for (const [activityId, responses] of Object.entries(changes)) {
    const kept = new Map((merged.get(activityId) ?? []).map((each) => [`${each.round}/${each.entry}`, each]));
    for (const each of responses) {
      const slot = `${each.round}/${each.entry}`;
      if ((kept.get(slot)?.revision ?? 0) <= each.revision) kept.set(slot, each);
    }
    merged.set(activityId, [...kept.values()]);
  }
  return merged;
}

/** The command that carries an entry. */
export function commandOf(entry) {
  const { activity_id, submission_id, round, revision } = entry;
  const { data, receipt, metadata } = entry;
  if (entry.withdraw) {
    return { type: "withdraw", activity_id, submission_id, entry: entry.entry ?? "", round, revision, receipt };
  }
  // In the order, and without what is not said, by which the server knows an ordinary press at a glance.
  const said = { type: "submit", activity_id, submission_id, round, revision, entry: entry.entry, receipt, metadata };
  return { ...Object.fromEntries(Object.entries(said).filter(([, value]) => value != null)), data };
}

/**
 * The entries of one participant on one device. Each entry has a storage key of its own, so that two tabs of the same
 * person never overwrite one another's answers. Where storage fails, entries live in memory only (`durable` is false)
 * until it takes them.
 */
export class Outbox {
  #storage;
  #prefix;
  #limit;
  #unkept = new Map(); // entries that the storage did not take, by their keys

  /** @param {Storage|null} storage @param {string} sessionId @param {string} participantId */
  constructor(storage, sessionId, participantId, limit = OUTBOX_LIMIT) {
    this.#storage = storage;
    this.#prefix = `plenum.outbox.${sessionId}.${participantId}.`;
    this.#limit = limit;
    this.#probe();
    /** @type {Entry[]} in the order of the presses (UUIDv7 sorts by time) */
    this.entries = this.#load();
  }

  /** Whether all that waits is kept beyond this page. */
  get durable() {
    return this.#storage !== null && this.#unkept.size === 0;
  }

  /** Keeps a press; returns null when the outbox is full. @returns {Entry|null} */
  press(press) {
    if (this.entries.length >= this.#limit) return null;
    const entry = makeEntry(press);
    this.#replace([...this.entries, entry]);
    return entry;
  }

  accept(frame) {
    this.#replace(accept(this.entries, frame));
    return this.find(frame.submission_id);
  }

  refuse(submissionId) {
    const refused = this.find(submissionId);
    this.#replace(refuse(this.entries, submissionId));
    return refused;
  }

  /** Forgets what is saved, and returns it. */
  settle(epoch, savedOffset) {
    const { kept, saved } = settle(this.entries, epoch, savedOffset);
    if (saved.length > 0) this.#replace(kept);
    return saved;
  }

  fallBack(epoch) {
    this.#replace(fallBack(this.entries, epoch));
  }

  find(submissionId) {
    return this.entries.find((entry) => entry.submission_id === submissionId) ?? null;
  }

  #replace(entries) {
    const before = new Map(this.entries.map((entry) => [entry.submission_id, entry]));
    this.entries = entries;
    for (const entry of entries) {
      if (before.get(entry.submission_id) !== entry) this.#write(this.#prefix + entry.submission_id, JSON.stringify(entry));
      before.delete(entry.submission_id);
    }
    for (const submissionId of before.keys()) this.#remove(this.#prefix + submissionId);
    if (this.#unkept.size === 0) return;
    for (const [key, text] of [...this.#unkept]) this.#write(key, text); // perhaps there is room again
    this.#probe();
  }

  /** Whether anything can be kept is known before the first press. */
  #probe() {
    const key = `${this.#prefix}probe`;
    this.#write(key, "1");
    if (!this.#unkept.has(key)) this.#remove(key);
  }

  #write(key, text) {
    try {
      this.#storage?.setItem(key, text);
      this.#unkept.delete(key);
    } catch {
      this.#unkept.set(key, text); // full or forbidden: the list in memory still serves until the page is left
    }
  }

  #remove(key) {
    this.#unkept.delete(key);
    try {
      this.#storage?.removeItem(key);
    } catch {
      // Forbidden since: what is sent once more is not counted once more.
    }
  }

  #load() {
    const entries = [];
    try {
      for (let i = 0; i < (this.#storage?.length ?? 0); i += 1) {
        const key = this.#storage.key(i);
        if (key?.startsWith(this.#prefix)) entries.push(...readEntry(this.#storage.getItem(key)));
      }
    } catch {
      // Forbidden since it was handed over: nothing can be read.
    }
    return entries.sort((a, b) => (a.submission_id < b.submission_id ? -1 : 1));
  }
}

function readEntry(text) {
  try {
    const entry = JSON.parse(text);
    return typeof entry?.submission_id === "string" && typeof entry.activity_id === "string" ? [entry] : [];
  } catch {
    return []; // not ours, or half written: it cannot be sent
  }
}
