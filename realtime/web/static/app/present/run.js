/** One session that runs: the agenda, the stage, the way in, and one render for all of it. */

import { onReturn, surroundings } from "../browser.js";
import { Connection } from "../connection.js";
import { complain, confirmed, showDialog } from "../dialogs.js";
import { fill, h, icon, write } from "../dom.js";
import { makeBanner, makeBar } from "../frame.js";
import { sentence, t } from "../i18n.js";
import { activitiesOf } from "../parts.js";
import { makeAgenda } from "./agenda.js";
import { makeBuilder } from "./builder.js";
import { showHelpers } from "./helpers.js";
import { makeImporting } from "./importing.js";
import { makeLead } from "./lead.js";
import { makeLight } from "./light.js";
import { nudge, showMissing } from "./missing.js";
import { isEditable, movesOf } from "./moves.js";
import { drawBoard, showPeople } from "./people.js";
import { makeShare, screenLink } from "./share.js";
import { Stage } from "./stage.js";
import { forget, keep } from "./store.js";

const KEYS = [["n", "keys.n"], ["o", "keys.o"], ["p", "keys.p"], ["c", "keys.c"], ["r", "keys.r"], ["f", "keys.f"], ["→", "keys.next"], ["u", "keys.u"], ["e", "keys.e"], ["d", "keys.d"], ["j k", "keys.jk"], ["b", "keys.b"], ["?", "keys.help"]];
const WIDE_PX = 992;
const SESSION_MOVES = { draft: ["active", "session.start"], active: ["completed", "session.end"], completed: ["active", "session.reopen"] };

/** Opens a session in the page's body. @param {{id: string, ticket: string, screen_ticket?: string}} session */
export function openSession(session) {
  const connection = new Connection({ ...surroundings(), sessionId: session.id, ticket: session.ticket });
  const run = new Run(session, connection);
  const stopListening = onReturn(() => connection.probe());
  connection.start();
  const close = () => {
    stopListening();
    run.close();
  };
  return { close };
}

class Run {
  #session;
  #connection;
  #selected = null;
  #fresh = null; // just made here, and perhaps not in the state yet
  #stages = new Map();
  #builder = null;
  #title = h("span", { class: "name" });
  #state = h("span", { class: "chip" });
  #light;
  #lead;
  #move = h("button", { type: "button" });
  #center = h("div", { class: "center" });
  #boardList = h("div", {});
  #board = h("section", { class: "card stack", hidden: true }, h("h2", {}, t("board.title")), this.#boardList);
  #agenda;
  #share;
  #onKey = (event) => this.#key(event);

  constructor(session, connection) {
    this.#session = session;
    this.#connection = connection;
    this.#light = makeLight(session, () => connection.serverNowMs());
    this.#lead = makeLead(session, connection);
    this.#agenda = makeAgenda({
      select: (id) => this.#select(id),
      add: () => this.#build(null),
      swap: (activity, other) => this.#swap(activity, other),
      below: makeImporting(session),
    });
    const act = (command) => this.#act(command);
    this.#share = makeShare(session, { act, people: () => showPeople(session, act), helpers: () => showHelpers(session), alone: this.#lead.alone });
    this.#move.addEventListener("click", () => this.#moveSession());
    const keys = h("button", { type: "button", class: "icon-button wide-only", "aria-label": t("keys.open"), title: t("keys.open"), on: { click: showKeys } }, icon("keys"));
    const back = h("a", { class: "button plain wide-only", href: "/present" }, t("list.title"));
    back.addEventListener("click", (event) => {
      event.preventDefault();
      location.hash = "";
    });
    fill(
      document.body,
      makeBar(this.#title, this.#state, this.#light.element, back, this.#move, keys),
      makeBanner(connection, { offline: () => "banner.presenterOffline" }),
      this.#lead.element,
      h("main", { class: "run" }, this.#agenda.element, h("div", { class: "center" }, this.#center, this.#board), this.#share.element),
    );
    document.addEventListener("keydown", this.#onKey);
    connection.on("state", () => this.#render());
    connection.on("second_factor", ({ number }) => this.#share.showNumber(number));
    connection.on("status", () => this.#render());
    connection.on("closed", (reason) => this.#end(reason));
    this.#render();
  }

  close() {
    document.removeEventListener("keydown", this.#onKey);
    delete document.body.dataset.role;
    this.#connection.stop();
  }

  get #map() {
    return this.#connection.state?.map ?? new Map();
  }

  /** What this ticket is for; an owner's page until the server has said it. */
  get #role() {
    return this.#connection.you?.role ?? "owner";
  }

  get #value() {
    return this.#map.get("session") ?? { state: "draft", title: this.#session.title };
  }

  #render() {
    this.#light.update(this.#map, this.#connection.status);
    if (!this.#connection.state) return;
    document.body.dataset.role = this.#role; // the looks leave out what a moderator's ticket does not allow
    const value = this.#value;
    const activities = activitiesOf(this.#map);
    if (activities.some((each) => each.id === this.#fresh)) this.#fresh = null;
    const isComing = this.#selected !== null && this.#selected === this.#fresh; // the reply names it before the state has it
    if (!isComing && !activities.some((each) => each.id === this.#selected)) this.#selected = (activities.find((each) => each.id === value.focus) ?? activities[0])?.id ?? null;
    write(this.#title, value.title ?? "");
    document.title = `${value.title} · Plenum`;
    if (value.title !== this.#session.title || value.join_code !== this.#session.join_code) {
      this.#session = { ...this.#session, title: value.title, join_code: value.join_code };
      keep({ id: this.#session.id, title: value.title, join_code: value.join_code });
    }
    write(this.#state, t(`session.${value.state}`));
    this.#state.className = `chip ${value.state === "active" ? "active" : ""}`;
    write(this.#move, t(SESSION_MOVES[value.state][1]));
    this.#move.className = `directs ${value.state === "active" ? "" : "primary"}`;
    this.#agenda.update(activities, this.#map, this.#builder ? null : this.#selected, value.focus);
    this.#share.update(value, this.#map.get("people"), this.#map.get("desk"), this.#role);
    this.#lead.update(this.#map.get("desk")?.director);
    this.#renderBoard(this.#map.get("leaderboard"));
    this.#renderCenter(activities, value);
  }

  #renderCenter(activities, value) {
    if (this.#builder) {
      fill(this.#center, this.#builder.element);
      return;
    }
    const activity = activities.find((each) => each.id === this.#selected);
    if (!activity) {
      if (!this.#center.querySelector(".first")) fill(this.#center, this.#makeFirst());
      return;
    }
    const key = `${activity.id}/${activity.type}`;
    if (!this.#stages.has(key)) {
      const actions = {
        act: (command) => this.#act(command), edit: (each) => this.#build(each), remove: (each) => this.#remove(each),
        duplicate: (each) => this.#duplicate(each), next: () => this.#next(), nudge: (each) => nudge(this.#session, each.id), missing: (each) => showMissing(this.#session, each.id),
        now: () => this.#connection.serverNowMs(),
      };
      this.#stages.set(key, new Stage(activity, actions));
    }
    const stage = this.#stages.get(key);
    fill(this.#center, stage.element);
    stage.update(activity, this.#map, value.focus === activity.id, Boolean(this.#following(activities, activity)));
  }

  #renderBoard(board) {
    this.#board.hidden = !board?.entries?.length;
    if (!this.#board.hidden) drawBoard(this.#boardList, board);
  }

  #makeFirst() {
    const write_ = h("button", { type: "button", class: "primary directs", on: { click: () => this.#build(null) } }, icon("plus"), t("stage.addPoll"));
    return h("div", { class: "card stack first" }, h("h1", {}, t("stage.emptyTitle")), h("p", { class: "soft" }, t("stage.empty")), h("div", { class: "row" }, write_));
  }

  /** Runs a command; what the server refuses is said, and what it did comes back with the state. */
  async #act(command) {
    try {
      // People who answer must find a session that runs, and the question that was just opened in focus.
      if (command.to === "active" && command.type === "move" && this.#value.state === "draft") await this.#connection.request({ type: "move_session", to: "active" });
      const result = await this.#connection.request(command);
      if (command.to === "active" && command.type === "move" && this.#value.focus !== command.activity_id) {
        await this.#connection.request({ type: "move_session", focus: command.activity_id });
      }
      return result;
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      if (refusal.code === "not_directing" && (await this.#lead.offer(refusal.details?.director))) return this.#act(command);
      if (refusal.code !== "not_directing") complain(refusal);
      return null;
    }
  }

  async #moveSession() {
    const [to] = SESSION_MOVES[this.#value.state];
    const isEnding = to === "completed";
    if (isEnding && !(await confirmed({ title: t("session.endTitle"), text: t("session.endText"), action: t("session.end") }))) return;
    this.#act({ type: "move_session", to });
  }

  #select(id) {
    this.#builder = null;
    this.#selected = id;
    this.#render();
    this.#showTop();
  }

  /** On a phone the stage stands above the agenda, and is what was asked for. */
  #showTop() {
    if (innerWidth < WIDE_PX) scrollTo({ top: 0 });
  }

  #build(activity) {
    const done = async (draft, isOpening) => {
      const command = activity
        ? { type: "update_activity", activity_id: activity.id, title: draft.title, config: draft.config, expected_version: activity.version }
        : { type: "create_activity", ...draft, order_index: this.#nextPlace() };
      const result = await this.#act(command);
      if (!result) return; // the form stays, with what was typed
      const id = activity?.id ?? idIn(result);
      if (!activity) this.#fresh = id;
      this.#select(id);
      if (isOpening && id) await this.#act({ type: "move", activity_id: id, to: "active" });
    };
    this.#builder = makeBuilder(activity, done, () => this.#select(this.#selected));
    this.#render();
    this.#showTop();
    this.#builder.focus();
  }

  #nextPlace() {
    return Math.max(-1, ...activitiesOf(this.#map).map((each) => each.order_index)) + 1;
  }

  async #remove(activity) {
    const responses = this.#map.get(`counts:${activity.id}`)?.responses ?? 0;
    const text = responses ? t("stage.deleteText", { n: responses }) : t("stage.deleteEmpty");
    if (await confirmed({ title: t("stage.deleteTitle"), text, action: t("stage.delete"), style: "danger-fill" })) this.#act({ type: "delete_activity", activity_id: activity.id });
  }

  async #duplicate({ type, title, config }) {
    const result = await this.#act({ type: "create_activity", activity_type: type, title, config, order_index: this.#nextPlace() });
    if (!result) return;
    this.#fresh = idIn(result);
    this.#select(this.#fresh);
  }

  /** The question that comes after another one: the first below it that was not asked yet. */
  #following(activities, activity) {
    return activities.slice(activities.indexOf(activity) + 1).find((each) => each.state === "draft" || each.state === "published") ?? null;
  }

  /** One step on: what runs is closed, and the next question is opened. */
  async #next() {
    const activities = activitiesOf(this.#map);
    const present = activities.find((each) => each.id === this.#selected);
    const following = present && this.#following(activities, present);
    if (!following) return;
    const isRunning = present.state === "active" || present.state === "paused";
    if (isRunning && !(await this.#act({ type: "move", activity_id: present.id, to: "closed", expected_version: present.version }))) return;
    this.#select(following.id);
    await this.#act({ type: "move", activity_id: following.id, to: "active", expected_version: following.version });
  }

  /** Changes places with a neighbour; places that are equal are first told apart. */
  async #swap(activity, other) {
    const all = activitiesOf(this.#map);
    const order = all.map((each) => (each === activity ? other : each === other ? activity : each));
    for (const [place, each] of order.entries()) {
      if (each.order_index !== place) await this.#act({ type: "update_activity", activity_id: each.id, order_index: place, expected_version: each.version });
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const activities = activitiesOf(this.#map);
    const at = activities.findIndex((each) => each.id === this.#selected);
    const activity = activities[at];
    const key = event.key.toLowerCase();
    if (this.#role === "moderator" && !["j", "k", "b", "?"].includes(key)) return;
    const move = activity && !this.#builder && movesOf(activity, this.#value.focus === activity.id).find((each) => each.key === key);
    if (key === "?") showKeys();
    else if (key === "arrowright" && activity && !this.#builder) this.#next();
    else if (key === "u" && activity?.state === "active") nudge(this.#session, activity.id);
    else if (key === "d" && activity && !this.#builder) this.#duplicate(activity);
    else if (key === "n") this.#build(null);
    else if (key === "b") open(screenLink(this.#session), "_blank", "noopener");
    else if (key === "j" && activities[at + 1]) this.#select(activities[at + 1].id);
    else if (key === "k" && activities[at - 1]) this.#select(activities[at - 1].id);
    else if (key === "escape" && this.#builder) this.#select(this.#selected);
    else if (key === "e" && activity && isEditable(activity)) this.#build(activity);
    else if (move) this.#act(move.command);
    else return;
    event.preventDefault();
  }

  #end(reason) {
    document.removeEventListener("keydown", this.#onKey); // there is nothing left that they could move
    if (reason.code === "unauthenticated" && this.#session.as) forget(this.#session.id); // a helper's link that was taken back
    const home = h("a", { class: "button primary", href: "/present" }, t("list.title"));
    const text = reason.code === "closed" ? t("session.gone") : reason.code === "unauthenticated" ? t("session.revoked") : sentence(reason);
    fill(document.body, makeBar(), h("main", {}, h("div", { class: "middle" }, h("h1", {}, t("end.otherTitle")), h("p", {}, text), h("div", { class: "row" }, home))));
  }
}

/** The new activity's id in what `create_activity` resolves to. */
function idIn(result) {
  return result.activity_id ?? result.activity?.id ?? result.id ?? null;
}

function showKeys() {
  const rows = KEYS.map(([keys, text]) => h("div", {}, h("dt", {}, ...keys.split(" ").map((key) => h("kbd", {}, key.toUpperCase()))), h("dd", {}, t(text))));
  showDialog(t("keys.title"), h("dl", { class: "keys" }, ...rows));
}
