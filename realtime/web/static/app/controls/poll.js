/** A poll's control: one or several choices. */

import { mountChoice } from "./choice.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  return mountChoice(element, { activity, own, submit, onChange });
}
