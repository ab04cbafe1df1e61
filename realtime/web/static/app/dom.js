/** Making and filling elements. Text always goes in as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `properties`: `class`, `on` (listeners), `data`, properties of the element by name, and attributes (names
 * with a dash, or `role`). Children that are null or false are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") element.className = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The same for SVG; everything is an attribute. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Puts these children in place of all others, and touches nothing where they are the same already. */
export function fill(element, ...children) {
  const wanted = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  const isSame = wanted.length === element.childNodes.length && wanted.every((child, i) => child === element.childNodes[i]);
  if (!isSame) element.replaceChildren(...wanted);
}

/** Sets a text only where it differs: screen readers repeat what is written again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SHAPES = {
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6.5 9c0-3.5 2.9-6 6.5-6s6.5 2.5 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18.5 14.6c1.9.9 3 2.9 3 5.4",
  offline: "M3 3l18 18M8.5 16.4a5 5 0 0 1 7 0M5 12.9a10 10 0 0 1 5.2-2.8M19 12.9a10 10 0 0 0-3.3-2.2M2 9a15 15 0 0 1 4.3-2.8M22 9a15 15 0 0 0-10.2-4M12 20h.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  plus: "M12 5v14M5 12h14",
  cross: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  screen: "M3 4h18v12H3zM8 20h8M12 16v4",
  phone: "M7 2.5h10v19H7zM11 18.5h2",
  pencil: "M4 20l1-4L16.5 4.5l3 3L8 19l-4 1Z",
  bin: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  eye: "M2 12s3.5-6.5 10-6.5S22 12 22 12s-3.5 6.5-10 6.5S2 12 2 12ZM12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z",
};

/** A decorative icon; the text beside it, or the button's label, says what it means. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: SHAPES[name] }));
}

/** Tells people who do not see the page. The same text again is spoken again. */
export function announce(text) {
  const region = document.getElementById("announcer") ?? document.body.appendChild(h("div", { id: "announcer", class: "off-screen", role: "status" }));
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 60); // an empty moment, or equal texts are one
}
