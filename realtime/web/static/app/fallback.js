/**
 * The same documents over plain HTTP, for networks that let no WebSocket through: changes as a stream (SSE) where it
 * flows, else by long poll; answers by POST.
 */

const POLL_WAIT_SECONDS = 25;
const PAUSE_MS = 1_000;
const SILENCE_MS = 60_000;
const FINAL = new Set([401, 403, 404, 410]);

export class Fallback {
  #options;
  #abort = null;
  #stopped = false;
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

  /** Follows the changes until stopped, lost or refused. */
  async run() {
    while (!this.#stopped) {
      try {
        await this.#round();
      } catch {
        if (!this.#stopped) this.#options.onLost(); // whatever it was, the caller backs off and starts anew
        return;
      }
    }
  }

  async #round() {
    const { clock, onDocument, onEnd } = this.#options;
    const started = clock.now();
    this.#abort = new AbortController();
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
    let response;
    try {
      response = await this.#fetch(`activities/${activity_id}/responses`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ submission_id, revision, receipt, round, entry: entry.entry, response_data }),
      });
      if (response.ok) return { accepted: readAccepted(await response.json()) };
      const isFinal = response.status < 500 && response.status !== 429;
      const after_ms = (Number(response.headers.get("Retry-After")) || 1) * 1_000;
      return { isFinal, after_ms, ...(await readProblem(response)) };
    } catch {
      return { isFinal: false, code: "network", message: "", details: {}, after_ms: PAUSE_MS }; // the same id is sent again
    }
  }

  #fetch(path, init) {
    const { origin, sessionId, ticket, fetch } = this.#options;
    const headers = { ...init.headers, Authorization: `Bearer ${ticket}` };
    return fetch(`${origin}/api/v1/sessions/${sessionId}/${path}`, { ...init, headers, cache: "no-store" });
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
