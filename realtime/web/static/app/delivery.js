/**
 * What becomes of one person's answers: each is kept before it is sent, sent over whatever connection there is until it
 * is counted or refused, and kept until it is saved.
 */

import { commandOf, mergeOwn, nextRevision, ownOf } from "./outbox.js";

export class Delivery {
  /** @type {Map<string, Object[]>} own responses by activity id */
  mine = new Map();
  #options;
  #posting = false;

  /**
   * @param {Object} options
   * @param {import("./outbox.js").Outbox|null} options.outbox null: somebody who does not answer
   * @param {import("./browser.js").Clock} options.clock
   * @param {() => string} options.makeId makes submission ids
   * @param {(name: string, value: any) => void} options.emit tells of `mine`, `receipt` and `refused`
   * @param {() => import("./sync.js").State|null} options.state
   * @param {() => import("./link.js").Link|null} options.link
   * @param {() => import("./fallback.js").Fallback|null} options.fallback
   */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {import("./outbox.js").Entry|null} null: too many answers wait already, this one was not taken */
  press({ activity_id, round, data, entry = null, fresh = false, withdraw = false, metadata = null }) {
    const { outbox, makeId, emit } = this.#options;
    const own = this.mine.get(activity_id) ?? [];
    const revision = fresh ? 1 : nextRevision(outbox.entries, own, activity_id, round, entry ?? "");
    const kept = outbox.press({ submission_id: makeId(), activity_id, round, data, entry, revision, withdraw, metadata });
    if (kept) {
      emit("receipt", { entry: kept, change: "waiting" });
      this.#send(kept);
    }
    return kept;
  }

  /** A socket is there: everything that is not saved is sent again, in the order of the presses. */
  begin() {
    for (const entry of this.#options.outbox?.entries ?? []) this.#send(entry);
  }

  /** An answer is sent once more, if it still waits to be counted or saved. */
  repeat(submissionId) {
    const entry = this.#options.outbox.find(submissionId);
    if (entry) this.#send(entry);
  }

  #send(entry) {
    const link = this.#options.link();
    if (link?.isUp) {
      if (link.flying.has(entry.submission_id)) return;
      link.flying.add(entry.submission_id);
      link.ask(commandOf(entry), { kind: "entry", submissionId: entry.submission_id });
    } else {
      this.post();
    }
  }

  /** Over plain HTTP, if that is what there is: posts what waits, one after the other in the order of the presses. */
  async post() {
    const { outbox, clock, state } = this.#options;
    const fallback = this.#options.fallback();
    if (this.#posting || !fallback || !outbox) return;
    this.#posting = true;
    try {
      for (;;) {
        const entry = outbox.entries.find((each) => each.state === "waiting");
        if (!entry || this.#options.fallback() !== fallback) return;
        if (entry.withdraw && !state()) return; // what is one's own is not known yet; the first document asks again
        if (entry.withdraw && !this.#standing(entry)) {
          this.refuse(entry.submission_id, { code: "superseded" }); // there is nothing (any more) to be taken back
          continue;
        }
        const type = state()?.map.get(`activity:${entry.activity_id}`)?.type ?? "generic";
        const reply = await (entry.withdraw ? fallback.withdraw(this.#standing(entry).response_id) : fallback.post({ ...entry, type }));
        if (reply.accepted && entry.withdraw) this.#takenBack(entry);
        else if (reply.accepted) this.accept({ ...entry, entry: entry.entry ?? "", epoch: state()?.epoch, ...reply.accepted });
        else if (reply.isFinal) this.refuse(entry.submission_id, reply);
        else await new Promise((resolve) => clock.later(reply.after_ms, resolve));
      }
    } finally {
      this.#posting = false;
      if (this.#options.fallback() && this.#options.fallback() !== fallback) this.post(); // another one, which was told to wait
    }
  }

  /** The own response that a withdrawal is about, as the server told it. */
  #standing({ activity_id, round, entry }) {
    return (this.mine.get(activity_id) ?? []).find((each) => each.round === round && each.entry === (entry ?? "") && !each.withdrawn) ?? null;
  }

  /** REST tells no offset of a withdrawal, so it is kept no longer than until it was done. */
  #takenBack(entry) {
    const { outbox, emit } = this.#options;
    const own = this.#standing(entry); // none: a document told of it before the reply came
    if (own) this.take({ [entry.activity_id]: [{ ...own, revision: entry.revision, withdrawn: true, data: null }] }, false);
    outbox.refuse(entry.submission_id);
    emit("receipt", { entry, change: "counted" });
  }

  // --------------------------------------------------------------------------------------- what the server says

  /** Own responses: all of them (`isWhole`), or those that changed. */
  take(mine, isWhole) {
    this.mine = mergeOwn(isWhole ? new Map() : this.mine, mine);
    this.#options.emit("mine", this.mine);
  }

  /** An answer is counted. */
  accept(frame) {
    const { outbox, emit } = this.#options;
    const entry = outbox?.accept(frame);
    if (!entry) return;
    this.take({ [entry.activity_id]: [ownOf(frame, entry)] }, false);
    emit("receipt", { entry, change: "counted" });
    this.settle();
  }

  /** An answer is refused for good. */
  refuse(submissionId, { code, message, details = {} }) {
    const { outbox, emit } = this.#options;
    const entry = outbox.refuse(submissionId);
    if (!entry) return;
    // Superseded: a newer answer of the same person stands, which is what that person wants.
    if (code === "superseded") emit("receipt", { entry, change: "superseded" });
    else emit("refused", { entry, code, message, details });
  }

  /** The session is in another epoch, which may have forgotten what was counted: that is sent again. */
  enter(epoch) {
    const { outbox, link } = this.#options;
    if (!outbox) return;
    outbox.fallBack(epoch);
    link()?.flying.clear();
    for (const entry of outbox.entries) if (entry.state === "waiting") this.#send(entry);
  }

  /** What the present state says is saved need not be kept. */
  settle() {
    const { outbox, state, emit } = this.#options;
    const saved = state()?.map.get("saved");
    if (!outbox || !Number.isInteger(saved)) return;
    for (const entry of outbox.settle(state().epoch, saved)) emit("receipt", { entry, change: "saved" });
  }
}
