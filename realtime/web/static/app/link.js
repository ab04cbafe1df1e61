/**
 * One WebSocket from opening to its end: the hello, the numbering of commands, the heartbeat and the watchdog.
 * What frames mean for the session's state is decided in `connection.js`.
 */

export const SUBPROTOCOL = "plenum.v1";
const OPEN_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 15_000;
const REQUEST_TRIES = 5;
const SILENT_HEARTBEATS = 2; // without any frame, until a socket counts as dead

export class Link {
  /** When the server said welcome, in milliseconds since 1970; null before. */
  welcomedMs = null;
  /** The last words of the server, if it said any: {code, message}. */
  farewell = null;
  /** When to come back after `going_away`; null: at will. */
  returnMs = null;
  /** How long that was away when it was said: a clock that steps back must not make it longer. */
  delayMs = 0;
  /** Submission ids that were sent here and have no reply yet. */
  flying = new Set();
  syncing = false;
  /** Whether any frame came; some networks let a socket open and nothing through. */
  isHeard = false;
  #options;
  #socket = null;
  #pending = new Map();
  #over = false;
  #nextId = 1;
  #heardMs;
  #spokeMs = 0;
  #timer = null;
  #heartbeatMs = 0;

  /**
   * @param {Object} options
   * @param {typeof WebSocket} options.WebSocket
   * @param {string} options.origin such as `https://plenum.example`
   * @param {Object} options.clock
   * @param {() => Object} options.hello makes the first command
   * @param {(frame: Object, waiting: Object|undefined) => void} options.onFrame with what was given to `ask`
   * @param {(code: number, unanswered: Object[]) => void} options.onLost once, when the socket is gone or given up
   */
  constructor(options) {
    this.#options = options;
    this.#heardMs = options.clock.now();
  }

  open() {
    const { WebSocket, origin, clock } = this.#options;
    try {
      this.#socket = new WebSocket(`${origin.replace(/^http/, "ws")}/ws`, [SUBPROTOCOL]);
    } catch {
      clock.later(0, () => this.#end(1006)); // forbidden by a browser or a policy
      return;
    }
    this.#timer = clock.later(OPEN_TIMEOUT_MS, () => this.drop());
    this.#socket.onopen = () => this.#hello();
    this.#socket.onmessage = (event) => this.#hear(event.data);
    this.#socket.onclose = (event) => this.#end(event.code);
  }

  /** Whether the server has said welcome and the socket is not gone since. */
  get isUp() {
    return this.welcomedMs !== null && !this.#over;
  }

  get isOver() {
    return this.#over;
  }

  /** Sends a command under a new id; `waiting` comes back with the reply. */
  ask(command, waiting = null) {
    const id = this.#nextId++;
    this.#spokeMs = this.#options.clock.now();
    if (waiting) this.#pending.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, ...command }));
  }

  get pendingCount() {
    return this.#pending.size;
  }

  /** Pings, and gives the socket up when nothing is heard for three seconds. */
  probe() {
    const { clock } = this.#options;
    const askedMs = clock.now();
    let heard = false;
    this.ask({ type: "ping" }, { kind: "ping", answered: () => (heard = true) });
    clock.later(PROBE_TIMEOUT_MS, () => {
      if (!heard && this.#heardMs <= askedMs) this.drop();
    });
  }

  /** Gives the socket up without waiting for its closing handshake, which a dead network never finishes. */
  drop(code = 1006) {
    this.#socket?.close();
    this.#end(code);
  }

  #hello() {
    if (this.#over) return;
    this.ask(this.#options.hello(), { kind: "hello" });
  }

  #hear(text) {
    if (this.#over) return;
    const { clock, onFrame } = this.#options;
    this.#heardMs = clock.now();
    this.isHeard = true;
    const frame = JSON.parse(text);
    const waiting = this.#pending.get(frame.id);
    this.#pending.delete(frame.id);
    if (waiting?.kind === "ping") waiting.answered();
    else if (waiting?.kind === "hello") this.#helloAnswered(frame);
    if (frame.type === "going_away") {
      this.delayMs = frame.delay_ms;
      this.returnMs = clock.now() + frame.delay_ms;
      clock.later(frame.delay_ms, () => this.drop());
    } else if (frame.type === "closing" || (frame.type === "refused" && frame.id == null)) {
      this.farewell = frame;
    }
    onFrame(frame, waiting);
  }

  #helloAnswered(frame) {
    const { clock } = this.#options;
    if (frame.type === "retry") {
      clock.later(frame.after_ms, () => this.#hello());
    } else if (frame.type === "refused") {
      this.farewell = frame; // the server closes with the code that says what to do
    } else if (frame.type === "welcome") {
      clock.cancel(this.#timer);
      this.welcomedMs = clock.now();
      this.#heartbeatMs = frame.heartbeat_ms;
      this.#watch();
    }
  }

  /** Speaks once a heartbeat, as the server expects, and gives up a socket that says nothing for two. */
  #watch() {
    const { clock } = this.#options;
    this.#timer = clock.later(this.#heartbeatMs / 2, () => {
      // A clock that was set back would otherwise hold a dead socket alive until it has caught up.
      this.#heardMs = Math.min(this.#heardMs, clock.now());
      this.#spokeMs = Math.min(this.#spokeMs, clock.now());
      if (clock.now() - this.#heardMs > SILENT_HEARTBEATS * this.#heartbeatMs) {
        this.drop();
        return;
      }
      if (clock.now() - this.#spokeMs >= this.#heartbeatMs * 0.9) this.ask({ type: "ping" });
      this.#watch();
    });
  }

  #end(code) {
    if (this.#over) return;
    this.#over = true;
    this.#options.clock.cancel(this.#timer);
    this.#options.onLost(code, [...this.#pending.values()]);
  }
}

/** What a request waits with. It ends once: by a reply, by the loss of its link, or by time. */
export function makeRequest(command, clock, resolve, reject) {
  const waiting = { kind: "request", command, triesLeft: REQUEST_TRIES, over: false };
  const settle = (action) => (value) => {
    if (waiting.over) return;
    waiting.over = true;
    clock.cancel(timer);
    action(value);
  };
  const timer = clock.later(REQUEST_TIMEOUT_MS, () => waiting.reject({ code: "timeout", message: "", details: {} }));
  return Object.assign(waiting, { resolve: settle(resolve), reject: settle(reject) });
}
