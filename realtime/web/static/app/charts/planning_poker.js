/** Planning poker: backs of cards until they are turned, then the estimates and how far they agree. */

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { drawColumns } from "./columns.js";
import { makeFigures, placesIn, renew } from "./figures.js";
import { makeDataTable } from "./heat.js";

const BACKS_MOST = 60;

export function draw(element, activity, view, counts, { own = null } = {}) {
  const place = placesIn(element);
  const isTurned = Boolean(view.distribution);
  renew(place("backs"), JSON.stringify([isTurned, view.voted_count, view.eligible]), () => !isTurned && makeBacks(view));
  if (isTurned) {
    const columns = Object.entries(view.distribution).sort((a, b) => valueOf(a[0]) - valueOf(b[0]))
      .map(([card, count]) => ({ label: cardName(card), count, isMarked: card === view.suggested, isOwn: own?.data?.estimate === card }));
    drawColumns(place("columns"), columns, t("poker.cards"));
  }
  place("columns").hidden = !isTurned;
  const { numeric } = view;
  const figures = [[t("poker.final"), view.final_estimate], [t("poker.suggested"), isTurned && view.suggested], [t("chart.mean"), numeric && number(numeric.mean)], [t("chart.median"), numeric && number(numeric.median)], [t("chart.range"), numeric && `${number(numeric.min)} – ${number(numeric.max)}`]];
  renew(place("figures"), JSON.stringify(figures), () => makeFigures(figures));
  renew(place("agree"), JSON.stringify([isTurned, view.consensus]), () => isTurned && view.voted_count > 1 && h("p", { class: `own-verdict ${view.consensus ? "right" : "neutral"}` }, t(view.consensus ? "poker.consensus" : "poker.apart")));
  const notes = (view.votes ?? []).filter((vote) => vote.notes);
  renew(place("notes"), JSON.stringify(notes), () => notes.length > 0 && h("ul", { class: "groups" }, ...notes.map((vote) => h("li", {}, h("strong", {}, vote.estimate), ` ${vote.notes}`))));
  const rounds = view.rounds ?? [];
  renew(place("rounds"), JSON.stringify(rounds), () => rounds.length > 1 && makeDataTable(t("poker.rounds"), [t("poker.round"), t("chart.answers"), t("chart.mean"), t("poker.consensusShort")],
    rounds.map((each) => [each.round, each.voted, each.mean ?? "–", each.consensus ? t("chart.yes") : t("chart.no")])));
}

function makeBacks({ voted_count: voted = 0, eligible = 0 }) {
  const places = Math.min(BACKS_MOST, Math.max(voted, eligible));
  const cards = Array.from({ length: places }, (_, i) => h("span", { class: i < voted ? "back voted" : "back" }));
  return h("div", { class: "stack" }, h("div", { class: "backs", "aria-hidden": "true" }, ...cards), h("p", { class: "figure" }, t("poker.voted", { n: voted, total: eligible })));
}

function cardName(card) {
  return card === "coffee" ? "☕" : card;
}

/** Where a card stands in a deck, whatever the deck: numbers by value, sizes by letter, special cards last. */
export function valueOf(card) {
  if (card === "½") return 0.5;
  const value = Number(card.replace(",", "."));
  if (!Number.isNaN(value)) return value;
  const size = ["XXS", "XS", "S", "M", "L", "XL", "XXL"].indexOf(card);
  return size >= 0 ? size : 1e6;
}
