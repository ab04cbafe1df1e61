/**
 * The same documents over plain HTTP, for networks that let no WebSocket through: changes as a stream (SSE) where it
 * flows, else by long poll; answers by POST.
 */

const POLL_WAIT_SECONDS = 25;
const PAUSE_MS = 1_000;
const SILENCE_MS = 60_000;
const HEADERS_MS = 10_000; // a stream begins at once, or some proxy holds it back
const ANSWER_MS = (POLL_WAIT_SECONDS + 15) * 1_000; // until the answer to a long poll is no longer hoped for
const POST_MS = 15_000; // the same of an answer that was posted
const FINAL = new Set([401, 403, 404, 410]);

export class Fallback {
  #options;
  #abort = null;
  #stopped = false;
  #again = false;
  #stream = true;

  /**
   * @param {Object} options
   * @param {string} options.origin
   * @param {string} options.sessionId
   * @param {string} options.ticket
   * @param {typeof fetch} options.fetch
   * @param {{now(): number, later(ms: number, action: () => void): any, cancel(handle: any): void}} options.clock
   * @param {() => import("./sync.js").Position|null} options.position
   * @param {(document: Object) => boolean} options.onDocument returns false when the document left a gap
   * @param {(ms: number) => void} options.onDate what the server's clock says, to the second
   * @param {() => void} options.onLost the network failed
   * @param {(problem: {status: number, code: string, message: string}) => void} options.onEnd refused for good
   */
  constructor(options) {
    this.#options = options;
  }

  stop() {
    this.#stopped = true;
    this.#abort?.abort();
  }

  /** Asks anew at once: what waits may wait on a network that is gone. */
  restart() {
    this.#again = true;
    this.#abort?.abort();
  }

  /** Follows the changes until stopped, lost or refused. */
  async run() {
    while (!this.#stopped) {
      try {
        await this.#round();
      } catch {
        if (this.#again && !this.#stopped) continue;
        if (!this.#stopped) this.#options.onLost(); // whatever it was, the caller backs off and starts anew
        return;
      }
    }
  }

  async #round() {
    const { clock } = this.#options;
    const started = clock.now();
    this.#again = false;
    this.#abort = new AbortController();
    const late = clock.later(this.#stream ? HEADERS_MS : ANSWER_MS, () => {
      this.#again = this.#stream; // what comes late as a stream may come as one answer
      this.#stream = false;
      this.#abort.abort();
    });
    try {
      await this.#take(started, late);
    } finally {
      clock.cancel(late);
    }
  }

  async #take(started, late) {
    const { clock, onDocument, onEnd } = this.#options;
    const response = await this.#fetch(this.#changesPath(), {
      headers: { Accept: this.#stream ? "text/event-stream" : "application/json" },
      signal: this.#abort.signal,
    });
    if (FINAL.has(response.status)) {
      this.#stopped = true;
      onEnd({ status: response.status, ...(await readProblem(response)) });
    } else if (response.status === 304 || response.status === 204) {
      await this.#pause(started);
    } else if (!response.ok) {
      throw new Error(`changes answered ${response.status}`);
    } else if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      clock.cancel(late); // from here on a stream is judged by its silences
      await this.#read(response.body);
    } else {
      onDocument(await response.json());
      await this.#pause(started);
    }
  }

  #changesPath() {
    const position = this.#options.position();
    const query = new URLSearchParams({ wait: String(POLL_WAIT_SECONDS) });
    if (position) {
      query.set("epoch", position.epoch);
      query.set("since", String(position.offset));
    }
    return `changes?${query}`;
  }

  /** Reads server-sent events; a stream that some proxy holds back is given up for polling. */
  async #read(body) {
    const reader = body.getReader();
    const { clock, onDocument } = this.#options;
    const decoder = new TextDecoder();
    let text = "";
    let silence = null;
    try {
      for (;;) {
        silence = clock.later(SILENCE_MS, () => {
          this.#stream = false;
          this.#abort.abort();
        });
        const { done, value } = await reader.read();
        clock.cancel(silence);
        if (done) return;
        text = (text + decoder.decode(value, { stream: true })).replace(/\r\n?/g, "\n");
        const blocks = text.split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          const document = readEvent(block);
          if (document && !onDocument(document)) return; // the next round asks from the own position
        }
      }
    } catch (error) {
      if (this.#stream || this.#stopped) throw error;
    } finally {
      clock.cancel(silence);
      reader.cancel().catch(() => {}); // it is over in either case
    }
  }

  /**
   * An answer, by POST: {accepted: document}, or a refusal {isFinal, code, message, details, after_ms}.
   *
   * @param {import("./outbox.js").Entry & {type: string}} entry
   */
  async post(entry) {
    const { activity_id, submission_id, revision, receipt, round, data, metadata, type } = entry;
    const response_data = { type, version: 1, data, metadata: metadata ?? {} };
    const body = JSON.stringify({ submission_id, revision, receipt, round, entry: entry.entry, response_data });
    return this.#send(`activities/${activity_id}/responses`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  }

  /** Takes a response back; the reply is as to `post`. What is not there any more was taken back before. */
  async withdraw(responseId) {
    const reply = await this.#send(`/responses/${responseId}`, { method: "DELETE" });
    return reply.code === "unknown_response" ? { accepted: {} } : reply;
  }

  async #send(path, init) {
    const { clock } = this.#options;
    const abort = new AbortController();
    const late = clock.later(POST_MS, () => abort.abort());
    try {
      const response = await this.#fetch(path, { ...init, signal: abort.signal });
      if (response.ok) return { accepted: response.status === 204 ? {} : readAccepted(await response.json()) };
      const isFinal = response.status < 500 && response.status !== 429;
      const after_ms = (Number(response.headers.get("Retry-After")) || 1) * 1_000;
      return { isFinal, after_ms, ...(await readProblem(response)) };
    } catch {
      return { isFinal: false, code: "network", message: "", details: {}, after_ms: PAUSE_MS }; // the same id is sent again
    } finally {
      clock.cancel(late);
    }
  }

  /** @param {string} path of the session, or with a slash in front of the API */
  async #fetch(path, init) {
    const { origin, sessionId, ticket, fetch, onDate } = this.#options;
    const headers = { ...init.headers, Authorization: `Bearer ${ticket}` };
    const below = path.startsWith("/") ? path : `/sessions/${sessionId}/${path}`;
    const response = await fetch(`${origin}/api/v1${below}`, { ...init, headers, cache: "no-store" });
    const dateMs = Date.parse(response.headers.get("Date") ?? "");
    if (dateMs) onDate(dateMs);
    return response;
  }

  /** Never asks more than once a second, whatever the server does with `wait`. */
  #pause(started) {
    const { clock } = this.#options;
    const restMs = PAUSE_MS - (clock.now() - started);
    return restMs > 0 ? new Promise((resolve) => clock.later(restMs, resolve)) : null;
  }
}

function readEvent(block) {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  return lines.length > 0 ? JSON.parse(lines.map((line) => line.slice(5)).join("\n")) : null;
}

/** What an acceptance says, inside the document that REST answers with. */
function readAccepted(document) {
  const { response_id = document.id, epoch, offset = document.seq, receipt, round, revision } = document.accepted ?? document;
  const known = Object.entries({ response_id, epoch, offset, receipt, round, revision }).filter(([, value]) => value != null);
  return Object.fromEntries(known);
}

/** Code and sentence of a problem document; anything else is `internal`. */
export async function readProblem(response) {
  const text = await response.text();
  try {
    const problem = JSON.parse(text);
    const error = problem.error ?? {};
    return { code: problem.code ?? error.code ?? "internal", message: problem.detail ?? error.message ?? "", details: error.details ?? {} };
  } catch {
    return { code: "internal", message: "", details: {} }; // a proxy's page, not ours
  }
}
