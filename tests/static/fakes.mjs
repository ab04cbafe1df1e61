// Time and a network that the test holds in its hand; the client's own code is the real one.

/** A clock that moves only when told. */
export class FakeClock {
  #timers = [];
  #nextHandle = 1;
  time = 1_700_000_000_000;

  now = () => this.time;

  later = (ms, action) => {
    const handle = this.#nextHandle++;
    this.#timers.push({ handle, at: this.time + ms, action });
    return handle;
  };

  cancel = (handle) => {
    this.#timers = this.#timers.filter((timer) => timer.handle !== handle);
  };

  /** Somebody sets the clock; what was to happen later happens no later for it. */
  set(ms) {
    this.time += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  /** Lets time pass, running what falls due in order. */
  pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.handle - b.handle)[0];
      if (!due) break;
      this.cancel(due.handle);
      this.time = Math.max(this.time, due.at);
      due.action();
    }
    this.time = end;
  }
}

/** Every socket the client opened, and the server's half of each. */
export function makeNetwork() {
  const sockets = [];
  class FakeWebSocket {
    sent = [];
    isClosed = false;

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.isClosed = true; // a dead network never answers the closing handshake: no close event
    }

    // The server's half.
    accept() {
      this.onopen();
    }

    push(frame) {
      this.onmessage({ data: JSON.stringify(frame) });
    }

    reply(type, fields, to = this.last()) {
      this.push({ type, id: to.id, ...fields });
    }

    end(code = 1006) {
      this.isClosed = true;
      this.onclose({ code });
    }

    last(type) {
      return this.sent.filter((frame) => !type || frame.type === type).at(-1);
    }

    all(type) {
      return this.sent.filter((frame) => frame.type === type);
    }
  }
  return { sockets, WebSocket: FakeWebSocket, get socket() { return sockets.at(-1); } };
}

/** What localStorage is, without a browser. */
export class FakeStorage {
  #map = new Map();
  isFull = false;

  get length() {
    return this.#map.size;
  }

  key(index) {
    return [...this.#map.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#map.get(key) ?? null;
  }

  setItem(key, value) {
    if (this.isFull) throw new DOMException("full", "QuotaExceededError");
    this.#map.set(key, String(value));
  }

  removeItem(key) {
    this.#map.delete(key);
  }
}

export const ACTIVITY = "0198f0a2-0000-7000-8000-000000000001";

export function snapshot(epoch, offset, set = {}) {
  return { type: "snapshot", epoch, since: 0, offset, set, removed: [], reason: "new" };
}

export function delta(epoch, since, offset, set = {}, removed = []) {
  return { type: "delta", epoch, since, offset, set, removed, reason: null };
}

export function welcome(state, mine = {}) {
  const you = { role: "participant", participant_id: "p", nickname: null };
  return {
    protocol: 1, session_id: "s", you, durability: "fsync", server_time_ms: 1_700_000_005_000, heartbeat_ms: 10_000,
    reconnect_window_ms: 3_600_000, limits: {}, mine, state,
  };
}

export function accepted(command, epoch, offset, fields = {}) {
  const { activity_id, submission_id, round, revision } = command;
  return {
    activity_id, submission_id, response_id: "r1", entry: "", round, revision, epoch, offset,
    receipt: `receipt-${epoch}-${offset}`, durability: "fsync", duplicate: false, ...fields,
  };
}
