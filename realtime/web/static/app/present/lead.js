/** Who leads where several may: a strip that says it, and taking over in one press. */

import { deviceType } from "../browser.js";
import { complain, confirmed } from "../dialogs.js";
import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { keepLease, leaseOf } from "./rest.js";

/**
 * @param {{id: string, name?: string}} session `name` is what the link called its holder
 * @param {import("../connection.js").Connection} connection
 */
export function makeLead(session, connection) {
  const element = h("div", { role: "status" });
  const alone = h("button", { type: "button", class: "directs", on: { click: () => take() } }, icon("hand"), t("lead.alone"));
  let director = null;
  let sign = "";
  connection.lease = leaseOf(session.id);

  async function take() {
    const label = session.name || t(`lead.${deviceType()}`);
    const done = await run({ type: "take_lease", label });
    if (!done) return false;
    connection.lease = done.director.token;
    keepLease(session.id, connection.lease);
    render(done.director);
    return true;
  }

  async function run(command) {
    try {
      return await connection.request(command);
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      complain(refusal);
      return null;
    }
  }

  function render(found) {
    director = found ?? null;
    const isMine = director?.token === connection.lease;
    alone.hidden = Boolean(director);
    const now = JSON.stringify([director?.token, director?.label, isMine]);
    if (now === sign) return; // a button must not vanish under a finger
    sign = now;
    if (!director) fill(element);
    else if (isMine) fill(element, h("div", { class: "banner lead good" }, icon("hand"), h("span", { class: "grow" }, t("lead.mine")), h("button", { type: "button", on: { click: () => run({ type: "release_lease" }) } }, t("lead.release"))));
    else fill(element, h("div", { class: "banner lead" }, icon("hand"), h("span", { class: "grow" }, t("lead.other", { name: director.label })), h("button", { type: "button", class: "primary directs", on: { click: () => take() } }, t("lead.take"))));
  }

  return {
    element,
    alone,
    update: render,
    /** Somebody else led when a command came: whether this person takes over, and did. @param {{label: string}} [other] */
    async offer(other) {
      const title = t("lead.other", { name: other?.label ?? director?.label ?? "" });
      return (await confirmed({ title, text: t("lead.offer"), action: t("lead.take") })) && take();
    },
  };
}
