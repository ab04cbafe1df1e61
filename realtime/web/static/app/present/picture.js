/** The picture of a hotspot question: a field that Plenum draws, or an address; with the right place if there is one. */

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { GRID, makePicture, setPlace } from "../controls/hotspot.js";

const RADIUS = 0.08;

export function makePictureField(_, settings) {
  const given = settings.image ?? {};
  const source = h("select", { id: "picture-source", "aria-label": t("field.picture") }, h("option", { value: "grid" }, t("build.grid")), h("option", { value: "url" }, t("build.address")));
  const address = h("input", { type: "text", id: "picture-address", value: given.url ?? "", placeholder: "/…", autocomplete: "off" });
  const words = h("input", { type: "text", id: "picture-alt", maxLength: 400, value: given.alt ?? "" });
  const hint = h("p", { class: "small soft" });
  const place = h("div", { class: "picture" });
  const hasKey = h("input", { type: "checkbox", checked: (settings.regions ?? []).length > 0 });
  const addressField = h("div", { class: "field" }, h("label", { htmlFor: address.id }, t("build.address")), address);
  let size = { width: given.width ?? 1_600, height: given.height ?? 1_000 };
  let region = settings.regions?.[0] ?? null;
  source.value = given.url ? "url" : "grid";

  const image = () => {
    if (source.value === "grid") return { media_id: GRID, width: 1_600, height: 1_000, alt: words.value.trim() };
    return /^(https?:\/\/|\/)\S+$/.test(address.value.trim()) ? { url: address.value.trim(), ...size, alt: words.value.trim() } : null;
  };
  const render = () => {
    addressField.hidden = source.value !== "url";
    hint.textContent = t(source.value === "grid" ? "build.gridHint" : "build.pictureHint");
    const shown = image();
    fill(place, shown && makePicture(shown), hasKey.checked && region && makeMark(region, size));
  };
  address.addEventListener("change", () => {
    const probe = new Image();
    probe.addEventListener("load", () => {
      size = { width: probe.naturalWidth || 1_600, height: probe.naturalHeight || 1_000 };
      render();
    });
    probe.src = address.value.trim();
  });
  place.addEventListener("click", (event) => {
    if (!hasKey.checked) return;
    const box = place.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((share) => Number(Math.min(1, Math.max(0, share)).toFixed(3)));
    region = { id: "g1", shape: "circle", coords: [...at, RADIUS], correct: true };
    render();
    place.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const element = h("fieldset", { class: "stack" }, h("legend", {}, t("field.picture")), source, addressField,
    h("div", { class: "field" }, h("label", { htmlFor: words.id }, t("field.alt")), words, hint), h("label", { class: "tick" }, hasKey, t("build.hasPlace")), place);
  element.addEventListener("input", render);
  render();
  return { element, read: () => ({ image: image(), regions: hasKey.checked && region ? [region] : [] }) };
}

function makeMark({ coords: [x, y] }) {
  const mark = h("span", { class: "mark", "aria-hidden": "true" });
  setPlace(mark, { x, y });
  return mark;
}
