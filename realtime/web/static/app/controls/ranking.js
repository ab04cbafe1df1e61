/** A ranking by preference. */

import { shuffled } from "./choice.js";
import { mountOrder } from "./order.js";

export function mount(element, activity, own, submit, { onChange } = {}) {
  const { items, rank_top: top, shuffle } = activity.config.settings;
  return mountOrder(element, { activity, own, submit, onChange }, { items: shuffle ? shuffled(items) : items, counted: top ?? items.length });
}
