/**
 * One person's connection to one session, over whatever the network lets through: WebSocket first (`link.js`), plain
 * HTTP (`fallback.js`) where that never opens. It reconnects by itself, resumes from its position, and lets every
 * unsaved answer be sent again (`delivery.js`).
 *
 * Events (`on(name, listener)` returns a function that takes the listener off):
 *
 *     state    (State)                     the session's map changed
 *     status   ("connecting" | "online" | "offline" | "degraded" | "closed")
 *     mine     (Map)                       own responses by activity id
 *     score    ({points, rank, of, …})     own points, as far as results are shown
 *     receipt  ({entry, change})           change: waiting | counted | saved | superseded
 *     refused  ({entry, code, message, details})   an answer was refused for good
 *     closed   ({code, message})           for good; nothing will be tried again
 */

import { Delivery } from "./delivery.js";
import { Fallback } from "./fallback.js";
import { Link, makeRequest } from "./link.js";
import { apply, GAP, isBehind, positionOf } from "./sync.js";
import { uuid7 } from "./uuid7.js";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 30_000;
const STABLE_MS = 10_000; // a connection that lived this long ends the growth of the backoff
const PENDING_LIMIT = 500;
const DISCONNECTED = { code: "disconnected", message: "", details: {} };
const MUTES_FIRST = 3; // sockets in a row without a frame, until plain HTTP is tried
const MUTES_LATER = 6; // the same where a socket worked before: the server may just be restarting
const SOCKET_AGAIN_MS = 60_000; // on plain HTTP, how often a socket is tried
const SOCKET_SOON_MS = 5_000; // the first time, where a socket worked before
const DATE_MS = 1_000; // how exact a date in a header is

export class Connection {
  /** @type {import("./sync.js").State|null} */
  state = null;
  status = "connecting";
  you = null;
  score = null; // own points and rank, as far as results are shown
  drafts = {}; // by activity id: what was written and not sent, perhaps on another device
  durability = null;
  lease = undefined; // of a presenter who took the lead: the token with which he leads on after a reconnect
  #options;
  #listeners = new Map();
  #delivery;
  #link = null;
  #fallback = null;
  #timer = null; // of the next attempt to open a socket
  #attempt = 0;
  #mutes = 0; // sockets in a row from which nothing was heard
  #wasWelcome = false;
  #skewMs = 0;

  /**
   * @param {Object} options
   * @param {string} options.sessionId
   * @param {string} options.ticket
   * @param {string} options.origin such as `https://plenum.example`
   * @param {import("./outbox.js").Outbox|null} [options.outbox] participants only
   * @param {typeof WebSocket} options.WebSocket
   * @param {typeof fetch} options.fetch
   * @param {import("./browser.js").Clock} options.clock
   * @param {() => number} options.random from 0 up to 1
   * @param {() => string} [options.makeId] makes submission ids
   * @param {{name: string, version: string}} [options.client]
   */
  constructor(options) {
    this.#options = { outbox: null, makeId: uuid7, client: { name: "plenum-web", version: "1" }, ...options };
    const { outbox, clock, makeId } = this.#options;
    this.#delivery = new Delivery({
      outbox, clock, makeId,
      emit: (name, value) => this.#emit(name, value),
      state: () => this.state,
      link: () => this.#link,
      fallback: () => this.#fallback,
    });
  }

  get outbox() {
    return this.#options.outbox;
  }

  /** Own responses by activity id. @returns {Map<string, Object[]>} */
  get mine() {
    return this.#delivery.mine;
  }

  start() {
    this.#open();
  }

  /** Ends the connection; it cannot be started again. */
  stop() {
    this.#end(null);
  }

  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** The server's clock, as well as this device can tell; milliseconds since 1970. */
  serverNowMs() {
    return this.#options.clock.now() + this.#skewMs;
  }

  /**
   * A person pressed "send". The answer is kept before it is sent, and sent until it is counted or refused.
   * `fresh` marks a further contribution (a new question), which changes no earlier one.
   *
   * @returns {import("./outbox.js").Entry|null} null: too many answers wait already, this one was not taken
   */
  press(answer) {
    return this.#delivery.press(answer);
  }

  /**
   * A presenter's command. Resolves to the result of `done`; rejects with {code, message, details}, where
   * `disconnected` and `timeout` mean that nobody knows whether it was done (the state will tell).
   */
  request(command) {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      if (!this.#link?.isUp || this.#link.pendingCount >= PENDING_LIMIT) reject(DISCONNECTED);
      else this.#link.ask(command, makeRequest(command, clock, resolve, reject));
    });
  }

  /** Finds out fast whether the connection still lives: the page was shown again, or the network returned. */
  probe() {
    if (this.status === "closed") return;
    if (this.#link?.isUp) {
      this.#attempt = 0;
      this.#link.probe();
    } else if (!this.#link) {
      this.#fallback?.restart();
      this.#attempt = 0;
      this.#schedule(this.#options.random() * BACKOFF_FIRST_MS);
    }
  }

  // ------------------------------------------------------------------------------------------ coming and going

  #open() {
    const { WebSocket, origin, clock, ticket, client } = this.#options;
    const link = new Link({
      WebSocket, origin, clock,
      hello: () => ({ type: "hello", ticket, protocol: 1, position: positionOf(this.state), client, lease: this.lease }),
      onFrame: (frame, waiting) => this.#hear(link, frame, waiting),
      onLost: (code, unanswered) => this.#lost(link, code, unanswered),
    });
    this.#link = link;
    link.open();
  }

  #lost(link, code, unanswered) {
    const { clock, random } = this.#options;
    for (const waiting of unanswered) waiting.reject?.(DISCONNECTED);
    if (this.#link !== link) return;
    this.#link = null;
    if (code >= 4500 && code <= 4999) {
      this.#end({ code: link.farewell?.code ?? "closed", message: link.farewell?.message ?? "", close_code: code });
    } else if (this.#fallback) {
      this.#schedule(SOCKET_AGAIN_MS * (0.5 + random()));
    } else {
      if (this.status !== "connecting") this.#setStatus("offline");
      this.#mutes = link.isHeard ? 0 : this.#mutes + 1;
      if (link.welcomedMs && clock.now() - link.welcomedMs > STABLE_MS) this.#attempt = 0;
      if (this.#mutes >= (this.#wasWelcome ? MUTES_LATER : MUTES_FIRST)) this.#fallBack();
      else this.#schedule(link.returnMs ? Math.max(0, Math.min(link.delayMs, link.returnMs - clock.now())) : this.#backoffMs());
    }
  }

  /** Full jitter: the phones of a hall must not all come back in the same instant. */
  #backoffMs() {
    const mostMs = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    return this.#options.random() * mostMs;
  }

  #schedule(ms) {
    this.#options.clock.cancel(this.#timer);
    this.#timer = this.#options.clock.later(ms, () => this.#open());
  }

  #end(reason) {
    const link = this.#link;
    this.#link = null;
    this.#stopFallback();
    this.#options.clock.cancel(this.#timer);
    link?.drop(1000);
    this.#setStatus("closed");
    if (reason) this.#emit("closed", reason);
  }

  // --------------------------------------------------------------------------------------- what the server says

  #hear(link, frame, waiting) {
    if (frame.server_time_ms) this.#skewMs = frame.server_time_ms - this.#options.clock.now();
    if (frame.type === "welcome") {
      this.#welcome(frame);
    } else if (frame.type === "snapshot" || frame.type === "delta") {
      this.#follow(frame);
    } else if (frame.type === "synced") {
      link.syncing = false;
      this.#delivery.take(frame.mine, true);
      this.#follow(frame.state);
    } else if (frame.type === "mine") {
      Object.assign(this.drafts, frame.drafts);
      this.#delivery.take(frame.mine, false);
    } else if (frame.type === "score") this.#emit("score", (this.score = frame.score));
    else if (frame.type === "second_factor") this.#emit("second_factor", (this.second_factor = frame));
    else if (frame.type === "beat") {
      if (isBehind(this.state, frame)) this.#sync();
    } else if (frame.type === "accepted") {
      link.flying.delete(frame.submission_id);
      this.#delivery.accept(frame);
    } else if (frame.type === "done") {
      waiting?.resolve(frame.result);
    } else if (frame.type === "refused") {
      this.#refused(link, frame, waiting);
    } else if (frame.type === "retry") {
      this.#retry(link, frame, waiting);
    } // anything else is a pong, the link's own, or from a later version of the protocol
  }

  #welcome(frame) {
    this.#stopFallback();
    this.#wasWelcome = true;
    Object.assign(this, { you: frame.you, durability: frame.durability, drafts: frame.drafts ?? {} });
    this.#setStatus("online");
    this.#delivery.take(frame.mine, true);
    this.#follow(frame.state);
    this.#delivery.begin();
  }

  #refused(link, frame, waiting) {
    if (waiting?.kind === "entry") {
      link.flying.delete(waiting.submissionId);
      this.#delivery.refuse(waiting.submissionId, frame);
    } else if (waiting?.kind === "request") {
      waiting.reject(frame);
    } else if (waiting?.kind === "sync") {
      link.drop(); // the next hello starts over
    }
  }

  #retry(link, frame, waiting) {
    const { clock, random } = this.#options;
    if (!waiting || waiting.kind === "hello") return;
    if (waiting.kind === "request" && (waiting.triesLeft -= 1) <= 0) {
      waiting.reject(frame);
      return;
    }
    clock.later(frame.after_ms * (1 + random() / 2), () => {
      if (waiting.over) return;
      if (link.isOver) {
        waiting.reject?.(DISCONNECTED);
      } else if (waiting.kind === "request") {
        link.ask(waiting.command, waiting);
      } else if (waiting.kind === "sync") {
        link.syncing = false;
        this.#sync();
      } else {
        link.flying.delete(waiting.submissionId);
        this.#delivery.repeat(waiting.submissionId);
      }
    });
  }

  /** Returns false when the frame left a gap. */
  #follow(frame) {
    const next = apply(this.state, frame);
    if (next === GAP) {
      this.#sync();
      return false;
    }
    const isNewEpoch = this.state?.epoch !== next.epoch;
    this.state = next;
    if (isNewEpoch) this.#delivery.enter(next.epoch);
    this.#delivery.settle();
    this.#emit("state", next);
    return true;
  }

  #sync() {
    const link = this.#link;
    if (!link?.isUp || link.syncing) return;
    link.syncing = true;
    link.ask({ type: "sync", position: positionOf(this.state) }, { kind: "sync" });
  }

  // ------------------------------------------------------------------------------------------------ plain HTTP

  #fallBack() {
    const { origin, sessionId, ticket, fetch, clock, random } = this.#options;
    this.#fallback = new Fallback({
      origin, sessionId, ticket, fetch, clock,
      position: () => positionOf(this.state),
      onDocument: (document) => this.#takeDocument(document),
      onDate: (ms) => {
        const skewMs = ms + DATE_MS / 2 - clock.now();
        if (Math.abs(skewMs - this.#skewMs) > DATE_MS) this.#skewMs = skewMs; // what is known better stays
      },
      onLost: () => {
        this.#stopFallback();
        this.#mutes = MUTES_LATER - 1; // one more socket, then plain HTTP again
        if (this.status !== "connecting") this.#setStatus("offline");
        this.#schedule(this.#backoffMs());
      },
      onEnd: (problem) => this.#end(problem),
    });
    this.#schedule((this.#wasWelcome ? SOCKET_SOON_MS : SOCKET_AGAIN_MS) * (0.5 + random()));
    this.#fallback.run();
  }

  #takeDocument(document) {
    this.#attempt = 0;
    this.#setStatus("degraded");
    if (document.mine) this.#delivery.take(document.mine, document.type === "snapshot");
    const isFollowed = this.#follow(document);
    if (!isFollowed) this.state = null; // the next question has no position, so a snapshot comes
    this.#delivery.post();
    return isFollowed;
  }

  #stopFallback() {
    this.#fallback?.stop();
    this.#fallback = null;
  }

  // --------------------------------------------------------------------------------------------------- events

  #setStatus(status) {
    if (this.status === status || this.status === "closed") return;
    this.status = status;
    this.#emit("status", status);
  }

  #emit(name, value) {
    for (const listener of this.#listeners.get(name) ?? []) listener(value);
  }
}
