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
  chart: "M4 20V10M10 20V4M16 20v-7M21 20H3",
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
  minus: "M5 12h14",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.7l5.9-.8Z",
  thumb: "M7 11v9H4v-9ZM7 11l4-7.5c1.6 0 2.5 1 2.5 2.5V9.5h5a2 2 0 0 1 2 2.4l-1.3 6.5a2 2 0 0 1-2 1.6H7",
  thumbDown: "M7 13V4H4v9ZM7 13l4 7.5c1.6 0 2.5-1 2.5-2.5v-3.5h5a2 2 0 0 0 2-2.4l-1.3-6.5a2 2 0 0 0-2-1.6H7",
  heart: "M12 20S4 15 4 9.2A4.2 4.2 0 0 1 12 7a4.2 4.2 0 0 1 8 2.2C20 15 12 20 12 20Z",
  fast: "M4 6l6 6-6 6ZM13 6l6 6-6 6Z",
  slow: "M20 6l-6 6 6 6ZM11 6l-6 6 6 6Z",
  question: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.8h.01",
  clap: "M12 3v3M6 5l1.5 2.5M18 5l-1.5 2.5M5 13l5-3 4-1 5 4-1 5-5 3-6-2Z",
  laugh: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 10h.01M16 10h.01M7.5 13.5h9a4.5 4.5 0 0 1-9 0Z",
  hand: "M8 12V5.5a1.5 1.5 0 0 1 3 0V11M11 10.5v-6a1.5 1.5 0 0 1 3 0V11M14 11V6a1.5 1.5 0 0 1 3 0v8.5a6.5 6.5 0 0 1-6.5 6.5c-2.6 0-4-1-5.2-3L3.5 15a1.5 1.5 0 0 1 2.5-1.6L8 15.5",
  next: "M5 5l9 7-9 7ZM18 5v14",
  chart: "M4 20V10M10 20V4M16 20v-8M21 20H3",
  pin: "M12 21v-6M8 4h8l-1 6 3 4H6l3-4Z",
  globe: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3 12h18M12 3c2.6 2.6 3.8 5.6 3.8 9s-1.2 6.4-3.8 9c-2.6-2.6-3.8-5.6-3.8-9S9.4 5.6 12 3Z",
  archive: "M3 5h18v4H3ZM5 9v10h14V9M10 13h4",
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
