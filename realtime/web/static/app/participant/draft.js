/** What a person has written and not sent: kept in this tab at once, and on the server a moment later, for every device. */

import { h, write } from "../dom.js";
import { t } from "../i18n.js";

const SAVE_AFTER_MS = 1_500;

export class Draft {
  #connection;
  #activity;
  #key;
  #off;
  #timer = null;
  #answer = null;
  #isKnown = false; // the server has one
  #isDirty = false;
  #note = h("span", { class: "small soft", role: "status" });
  #auto = h("input", { type: "checkbox" });
  #autoRow = h("label", { class: "tick small", hidden: true }, this.#auto, t("draft.auto"));

  /** @param {import("../connection.js").Connection} connection @param {{id: string, round: number}} activity */
  constructor(connection, { id, round }) {
    this.#connection = connection;
    this.#activity = { activity_id: id, round };
    this.#key = `plenum.draft.${id}.${round}`;
    const known = connection.drafts[id];
    this.#isKnown = known?.round === round;
    this.#auto.checked = this.#isKnown && known.auto_submit;
    this.#auto.addEventListener("change", () => this.#save());
    this.element = h("div", { class: "row draft" }, this.#autoRow, this.#note);
    this.#off = connection.on("status", (status) => status === "online" && this.#isDirty && this.#save());
  }

  close() {
    clearTimeout(this.#timer);
    this.#off();
  }

  /** Keeps an answer as far as it goes; null throws it away, because it was sent. */
  keep(answer) {
    this.#answer = answer;
    this.#remember(answer);
    write(this.#note, "");
    clearTimeout(this.#timer);
    if (answer) {
      this.#isDirty = true;
      this.#timer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
    } else {
      this.#isDirty = false;
      if (this.#isKnown) this.#send(null).catch(() => {}); // the answer is newer, and hides it
    }
  }

  /** The newest of what this tab and the server have. */
  read() {
    const local = this.#recall();
    const known = this.#connection.drafts[this.#activity.activity_id];
    const isOurs = known?.round === this.#activity.round && known.data;
    this.#answer = isOurs && !(local?.at_ms > known.saved_at_ms) ? known.data : (local?.answer ?? null);
    return this.#answer ?? undefined;
  }

  /** @param {boolean} isAsking @param {boolean} hasDeadline */
  update(isAsking, hasDeadline) {
    this.element.hidden = !isAsking;
    this.#autoRow.hidden = !hasDeadline;
  }

  async #save() {
    if (!this.#answer) return;
    this.#isDirty = true;
    const answer = this.#answer;
    try {
      await this.#send(answer);
      this.#isKnown = true;
      if (this.#answer !== answer) return; // written on meanwhile, or sent
      this.#isDirty = false;
      write(this.#note, t("draft.saved"));
    } catch {
      // Away, or refused at this moment: this tab has it, and the next change or the return of the network tries again.
    }
  }

  #send(data) {
    return this.#connection.request({ type: "save_draft", ...this.#activity, data, auto_submit: this.#auto.checked && data !== null });
  }

  #remember(answer) {
    try {
      if (answer) sessionStorage.setItem(this.#key, JSON.stringify({ answer, at_ms: this.#connection.serverNowMs() }));
      else sessionStorage.removeItem(this.#key);
    } catch {
      // Storage is full or forbidden: the draft lives as long as the page, and on the server.
    }
  }

  #recall() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
    } catch {
      return null; // forbidden, or somebody else's text
    }
  }
}
