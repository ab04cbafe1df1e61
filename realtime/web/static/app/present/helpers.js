/** Further links for those who help: handed out, listed, taken back. */

import { confirmed, copy, showDialog } from "../dialogs.js";
import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { rest } from "./rest.js";

const ROLES = ["moderator", "presenter", "display"];
const NAME_MOST = 80; // characters

/** The link that a ticket opens; the name tells the others who leads, should its holder take over. */
export function linkOf({ id }, role, ticket, label, origin = location.origin) {
  if (role === "display") return `${origin}/screen#session=${id}&ticket=${ticket}`;
  return `${origin}/present#session=${id}&ticket=${ticket}&as=${role}${label && `&name=${encodeURIComponent(label)}`}`;
}

/** @param {{id: string, ticket: string}} session of its owner */
export async function showHelpers(session) {
  const found = await rest(session, "tickets");
  if (!found) return;
  const list = h("ul", { class: "people-list" }, ...found.tickets.filter((each) => !each.revoked_at).map((each) => makeRow(session, each)));
  const name = h("input", { type: "text", id: "helper-name", maxLength: NAME_MOST, autocomplete: "off", placeholder: t("helpers.nameExample") });
  const role = h("select", { id: "helper-role" }, ...ROLES.map((each) => h("option", { value: each }, t(`helpers.may.${each}`))));
  const button = h("button", { class: "primary" }, icon("plus"), t("helpers.make"));
  const made = h("div", { class: "stack made", role: "status", hidden: true });
  const form = h("form", { class: "stack helper-form" },
    h("div", { class: "field" }, h("label", { htmlFor: "helper-name" }, t("helpers.name")), name),
    h("div", { class: "field" }, h("label", { htmlFor: "helper-role" }, t("helpers.role")), role), h("div", { class: "row" }, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const label = name.value.trim();
    const issued = await rest(session, "tickets", { method: "POST", body: { role: role.value, label } });
    button.disabled = false;
    if (!issued) return;
    name.value = "";
    list.append(makeRow(session, issued));
    showLink(made, linkOf(session, issued.role, issued.ticket, issued.label));
  });
  showDialog(t("helpers.title"), h("p", { class: "soft" }, t("helpers.lead")), list, form, made);
}

/** The link, which the server does not know any more. */
function showLink(place, link) {
  const field = h("input", { type: "text", readOnly: true, value: link, "aria-label": t("helpers.link"), on: { focus: () => field.select() } });
  const send = navigator.share && h("button", { type: "button", on: { click: () => navigator.share({ url: link }).catch(() => {}) } }, t("helpers.send"));
  place.hidden = false;
  fill(place, h("p", {}, t("helpers.once")), field, h("div", { class: "row" }, h("button", { type: "button", on: { click: () => copy(link) } }, icon("copy"), t("helpers.copy")), send));
  place.scrollIntoView({ block: "nearest" });
}

function makeRow(session, { id, role, label, own, created_at }) {
  const name = label || t(`helpers.role.${role}`);
  const made = new Date(created_at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  const item = h("li", {}, h("span", { class: "grow" }, h("strong", {}, name), h("small", { class: "soft" }, [label && t(`helpers.role.${role}`), made].filter(Boolean).join(" · "))));
  const revoke = async () => {
    if (!(await confirmed({ title: t("helpers.revokeTitle", { name }), text: t("helpers.revokeText"), action: t("helpers.revoke"), style: "danger-fill" }))) return;
    if (await rest(session, `tickets/${id}`, { method: "DELETE" })) item.remove();
  };
  item.append(own ? h("span", { class: "chip" }, t("helpers.own")) : h("button", { type: "button", class: "danger", "aria-label": `${t("helpers.revoke")}: ${name}`, on: { click: revoke } }, t("helpers.revoke")));
  return item;
}
