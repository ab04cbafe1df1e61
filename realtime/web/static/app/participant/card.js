/** One question on a phone: the control, the receipt of the own answer, the result once it may be seen. */

import { deviceType } from "../browser.js";
import { announce, fill, h, icon, write } from "../dom.js";
import { sentence, t } from "../i18n.js";
import { itemsOf, loadChart, loadControl, questionOf, wish } from "../parts.js";
import { Draft } from "./draft.js";
import { newestOf, ownOf } from "./own.js";

const CLOCK_MS = 250;
const NUDGE_MS = 60_000; // an older word was for an earlier moment
const PATIENCE_MS = 1_200; // what is loaded sooner was never worth a word
const STEPS = ["sent", "counted", "saved"];

export class Card {
  #connection;
  #activity;
  #control = null;
  #chart = null;
  #isChanging = false;
  #refusal = null;
  #spoken = null;
  #wantControl;
  #wantChart;
  #timer = null;
  #wasReading = false;
  #displayedAt = new Date().toISOString();
  #title = h("h1", {});
  #meta = h("div", { class: "meta" });
  #state = h("span", { class: "chip" });
  #clock = h("span", { class: "chip bare" });
  #hint = h("p", { class: "soft" });
  #place = h("div", {});
  #trouble = h("p", { class: "notice", role: "alert", hidden: true });
  #nudge = h("p", { class: "nudge", hidden: true }, icon("hand"), h("span", {}, t("nudge.text")));
  #nudgedMs = 0;
  #draft;
  #receipt = makeReceipt();
  #change = h("button", { type: "button", on: { click: () => this.#toggle() } });
  #loading = h("p", { class: "soft", role: "status", hidden: true }, t("room.connecting"));
  #withdraw = h("button", { type: "button", class: "plain", on: { click: () => this.#submit(null, { withdraw: true }) } }, t("card.withdraw"));
  #several = false; // the control takes several contributions, and shows the result itself
  #seesResult = false;
  #result = h("section", { class: "card stack", hidden: true });
  #resultTitle = h("h2", {});
  #bars = h("div", {});

  constructor(activity, connection) {
    this.#connection = connection;
    this.#activity = activity;
    this.#draft = new Draft(connection, activity);
    fill(this.#place, this.#loading);
    fill(this.#meta, this.#state, activity.round > 1 && h("span", { class: "chip bare" }, t("card.round", { n: activity.round })), this.#clock);
    fill(this.#result, this.#resultTitle, this.#bars);
    this.element = h(
      "article",
      { class: "question" },
      this.#meta, this.#title, this.#hint, this.#nudge, this.#place, this.#draft.element, this.#trouble, this.#result, this.#receipt.element, h("div", { class: "row after" }, this.#change, this.#withdraw),
    );
    // Where the network is away nothing can be loaded; it is tried again with the next change.
    this.#wantControl = wish(() => this.#loadControl(activity.type), (module) => this.#mount(module));
    this.#wantChart = wish(() => loadChart(activity.type), ({ draw }) => {
      this.#chart = draw;
      this.update(this.#activity, this.#connection.state.map);
    });
    this.#wantControl();
  }

  async #loadControl(type) {
    const patience = setTimeout(() => (this.#loading.hidden = false), PATIENCE_MS);
    try {
      return await loadControl(type);
    } finally {
      clearTimeout(patience);
    }
  }

  #mount({ mount, several = false }) {
    if (!several) this.#wantChart(); // now, because later there may be no network
    const submit = Object.assign((data, options = {}) => this.#submit(data, options), { draft: this.#draft }); // says whether it was taken
    this.#several = several;
    this.#control = mount(this.#place, this.#activity, newestOf(this.#mine()), submit);
    this.update(this.#activity, this.#connection.state.map);
  }

  #submit(data, options) {
    const { id, round } = this.#activity;
    this.#isChanging = false;
    this.#refusal = null;
    const metadata = { client_timestamp: new Date().toISOString(), displayed_at: this.#displayedAt, device_type: deviceType() };
    const kept = this.#connection.press({ activity_id: id, round, data, metadata, ...options });
    if (!kept) this.refuse({ code: "outbox_full", message: t("receipt.fullText") });
    this.update(this.#activity, this.#connection.state.map);
    return Boolean(kept);
  }

  /** An answer was refused for good: say so where it was given, and give back what was written. */
  refuse(refusal, data = null) {
    this.#refusal = refusal;
    this.#control?.refused?.(data);
  }

  /** Another card takes its place. */
  close() {
    clearTimeout(this.#timer);
    this.#draft.close();
  }

  clearRefusal() {
    this.#refusal = null;
  }

  #toggle() {
    this.#isChanging = !this.#isChanging;
    this.update(this.#activity, this.#connection.state.map);
    if (this.#isChanging) this.#place.querySelector("input, textarea, select, button")?.focus();
  }

  /** The person's answers in this round, and how far each has got. */
  #mine() {
    const { outbox, mine, state, status } = this.#connection;
    const now = { saved: state?.map.get("saved") ?? 0, isAway: status === "offline" || status === "connecting" };
    return ownOf({ mine: mine.get(this.#activity.id) ?? [], entries: outbox.entries }, this.#activity, now);
  }

  update(activity, map) {
    this.#activity = activity;
    this.#wantControl();
    const all = this.#mine();
    const own = newestOf(all);
    const isOpen = activity.state === "active";
    const view = map.get(`view:${activity.id}`);
    const isFenced = activity.type === "planning_poker" && activity.revealed;
    const isReading = isOpen && (activity.from_ms ?? 0) > this.#connection.serverNowMs();
    const isAsking = isOpen && !isReading && !isFenced && (this.#several || !own || this.#isChanging);
    write(this.#title, questionOf(activity));
    write(this.#state, t(`state.${activity.state}`));
    this.#state.className = `chip ${activity.state}`;
    this.#renderHint(activity, own, isReading);
    this.#seesResult = !this.#several && Boolean(view) && (!isOpen || Boolean(own) || isFenced);
    this.#control?.update(activity, own, isAsking, { view, items: this.#several ? itemsOf(map, activity.id) : null, mine: all.filter((each) => !each.withdrawn) });
    // Once the result is there it shows the own answer as well, and the question need not stand there twice.
    this.#place.hidden = !this.#several && !isAsking && Boolean(view);
    this.#renderReceipt(own, isAsking && !this.#several);
    this.#draft.update(isAsking && !this.#several && Boolean(this.#control), Boolean(activity.deadline_ms));
    this.#renderNudge(map.get("nudge"), isAsking && all.length === 0);
    this.#trouble.hidden = !this.#refusal;
    if (this.#refusal) write(this.#trouble, sentence(this.#refusal));
    const mayChange = own && isOpen && !isFenced && !this.#several && activity.config?.constraints?.allow_changes !== false;
    this.#change.hidden = !mayChange;
    this.#withdraw.hidden = !mayChange || this.#isChanging || own.step === "sending" || own.step === "kept";
    write(this.#change, t(this.#isChanging ? "card.keep" : "card.change"));
    this.#renderClock();
    this.#renderResult(activity, map, own);
  }

  /** The presenter's word to who has not answered. */
  #renderNudge(word, isMeant) {
    const { id, round } = this.#activity;
    const isFresh = word?.activity_id === id && word.round === round && this.#connection.serverNowMs() - word.at_ms < NUDGE_MS;
    this.#nudge.hidden = !isMeant || !isFresh;
    if (this.#nudge.hidden || this.#nudgedMs === word.at_ms) return;
    this.#nudgedMs = word.at_ms;
    announce(t("nudge.text"));
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(80);
  }

  #renderHint(activity, own, isReading) {
    const { instructions, description } = activity.config?.display ?? {};
    const isShown = activity.state === "published" || activity.state === "paused" || activity.state === "closed";
    const key = activity.state === "closed" && !own ? "card.closedUnanswered" : `card.${activity.state}`;
    const text = isReading ? t("card.reading") : isShown ? t(key) : (instructions ?? description ?? "");
    this.#hint.hidden = !text;
    write(this.#hint, text);
  }

  #renderReceipt(own, isAsking) {
    this.#receipt.element.hidden = !own || isAsking;
    if (!own) return;
    const isFrail = own.step === "kept" && !this.#connection.outbox.durable;
    const text = t(`receipt.${own.step}${isFrail ? "Frail" : ""}Text`);
    this.#receipt.show(own.step, text);
    const spoken = `${own.step}/${JSON.stringify(own.data)}`;
    if (this.#spoken !== null && this.#spoken !== spoken && own.step !== "sending") announce(text);
    this.#spoken = spoken;
  }

  /** The time that is left; before it the time until answers are taken, and what is left of a paused question. */
  #renderClock() {
    const { state, deadline_ms, from_ms = 0, remaining_ms } = this.#activity;
    const nowMs = this.#connection.serverNowMs();
    const isReading = state === "active" && from_ms > nowMs;
    const leftMs = state === "paused" ? (remaining_ms ?? 0) : isReading ? from_ms - nowMs : state === "active" && deadline_ms ? deadline_ms - nowMs : 0;
    const leftSeconds = Math.ceil(leftMs / 1_000);
    this.#clock.hidden = leftSeconds <= 0;
    clearTimeout(this.#timer);
    if (this.#wasReading && !isReading) {
      this.#wasReading = false;
      this.update(this.#activity, this.#connection.state.map);
      return;
    }
    this.#wasReading = isReading;
    if (leftSeconds <= 0) return;
    const minutes = Math.floor(leftSeconds / 60);
    const long = { minutes: String(minutes), seconds: String(leftSeconds % 60).padStart(2, "0") };
    write(this.#clock, isReading ? t("card.opensIn", { n: leftSeconds }) : minutes > 0 ? t("card.leftLong", long) : t("card.left", { n: leftSeconds }));
    if (state === "active") this.#timer = setTimeout(() => this.element.isConnected && this.#renderClock(), CLOCK_MS);
  }

  #renderResult(activity, map, own) {
    const view = map.get(`view:${activity.id}`);
    this.#result.hidden = !this.#seesResult;
    if (this.#result.hidden) return;
    write(this.#resultTitle, t(activity.state === "closed" ? "card.final" : "card.result"));
    if (this.#chart) this.#chart(this.#bars, activity, view, map.get(`counts:${activity.id}`), { items: itemsOf(map, activity.id), own });
    else if (!this.#several) this.#wantChart();
  }
}

/** Sent, counted, saved: how far the own answer has got. */
function makeReceipt() {
  const steps = STEPS.map((step) => h("li", {}, h("span", { class: "dot" }), h("span", {}, t(`receipt.${step}`))));
  const text = h("p", { class: "small" });
  const element = h("section", { class: "receipt" }, h("ol", { class: "steps", "aria-hidden": "true" }, ...steps), text);
  const reached = { kept: 0, sending: 0, counted: 2, saved: 3 };
  return {
    element,
    show(step, sentenceText) {
      steps.forEach((each, i) => {
        const isNow = i === reached[step] && step !== "kept";
        each.className = i < reached[step] ? "done" : isNow ? "now" : "";
      });
      write(text, sentenceText);
    },
  };
}
