/** What the server says of a session's results, and its files. */

import { readProblem } from "../fallback.js";

export class Source {
  #session;

  /** @param {{id: string, ticket: string}} session */
  constructor(session) {
    this.#session = session;
  }

  overview() {
    return this.#read(`/sessions/${this.#session.id}/results`);
  }

  report(activityId, round) {
    return this.#read(`/activities/${activityId}/report${round ? `?round=${round}` : ""}`);
  }

  people(after) {
    return this.#read(`/sessions/${this.#session.id}/results/participants?limit=50${after ? `&after=${after}` : ""}`);
  }

  /** A file for the person's own disk. @param {{format: string, table?: string, activityId?: string}} wanted */
  async download({ format, table, activityId }) {
    const path = activityId ? `/activities/${activityId}/export` : `/sessions/${this.#session.id}/export`;
    const query = new URLSearchParams({ format, ...(table ? { table } : {}), ...(format === "csv" ? { bom: "true" } : {}) });
    const response = await this.#ask(`${path}?${query}`);
    const named = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "");
    const name = named ? decodeURIComponent(named[1]) : `plenum.${format}`;
    const address = URL.createObjectURL(await response.blob());
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000); // when it was certainly taken
    return { name, isComplete: response.headers.get("plenum-complete") === "true" };
  }

  async #read(path) {
    return (await this.#ask(path)).json();
  }

  /** The answer; a refusal is thrown as {code, message}. */
  async #ask(path) {
    let response;
    try {
      response = await fetch(`/api/v1${path}`, { headers: { Authorization: `Bearer ${this.#session.ticket}` } });
    } catch {
      throw { code: "network" };
    }
    if (!response.ok) throw await readProblem(response);
    return response;
  }
}
