/** Points shared out: the mean of each thing, and how far opinions lie apart. */

import { t } from "../i18n.js";
import { drawBars } from "./bars.js";
import { peopleText, rounded } from "./poll.js";

export function draw(element, activity, view, counts, { own = null } = {}) {
  const { items, total = 100 } = activity.config.settings;
  const most = Math.max(1, ...items.map(({ id }) => Math.min(total, view.mean[id] + view.stdev[id])));
  const share = (value) => (100 * Math.max(0, Math.min(most, value))) / most;
  const best = Math.max(...Object.values(view.mean));
  const rows = [...items].sort((a, b) => view.mean[b.id] - view.mean[a.id]).map(({ id, text }) => {
    const given = own?.data?.points?.[id];
    return {
      id, text, share: share(view.mean[id]), value: rounded(view.mean[id]), isTop: view.n > 0 && view.mean[id] === best,
      detail: given === undefined ? t("points.total", { n: view.totals[id] }) : t("rating.yours", { value: given }),
      spread: view.stdev[id] ? [share(view.mean[id] - view.stdev[id]), share(view.mean[id] + view.stdev[id])] : null,
    };
  });
  drawBars(element, rows, view.n ? `${t("points.mean")} ${peopleText(view.n)}` : peopleText(0));
}
