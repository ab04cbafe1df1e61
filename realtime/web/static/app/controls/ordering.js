/** Items to be put into the right order; the server already sends them mixed. */

import { mountOrder } from "./order.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { items, show_numbering: isNumbered = true } = activity.config.settings;
  return mountOrder(element, { activity, own, submit, onChange }, { items, counted: items.length, isNumbered });
}
