/** A participant's view of a session: the question in focus, what else is open, how the connection does. */

import { onReturn, storage, surroundings } from "../browser.js";
import { Connection } from "../connection.js";
import { announce, fill, h, icon, write } from "../dom.js";
import { isEmbedded, makeBanner, makeBar } from "../frame.js";
import { has, loadTexts, number, sentence, t } from "../i18n.js";
import { Outbox } from "../outbox.js";
import { activitiesOf, loadStyles, questionOf } from "../parts.js";
import { Card } from "./card.js";
import { drawHall, fillHall } from "./hall.js";

const PATIENCE_MS = 6_000; // until it is said that there is no way to the server
const RESULTS_OPEN = 3; // more of them stand folded: the evening's last question is not to be looked for below its first
const REJOIN = new Set(["unauthenticated", "ticket_expired", "unknown_session", "unknown_participant"]);

/**
 * Opens the room in the page's body.
 *
 * @param {{session_id: string, participant_id: string, nickname: string|null, ticket: string}} seat
 * @param {() => void} onLeave the seat is no longer valid, or the person wants another
 */
export function openRoom(seat, onLeave) {
  loadStyles();
  loadTexts("types").catch(() => {}); // ahead of the first question; its control asks again
  const outbox = new Outbox(storage(), seat.session_id, seat.participant_id);
  const connection = new Connection({ ...surroundings(), sessionId: seat.session_id, ticket: seat.ticket, outbox });
  const room = new Room(seat, connection, onLeave);
  const stopListening = onReturn(() => connection.probe());
  connection.start();
  const close = () => {
    stopListening();
    room.close();
    connection.stop();
  };
  return { close, room };
}

class Room {
  #seat;
  #connection;
  #onLeave;
  #cards = new Map(); // by activity and round
  #chosen = null; // an activity the person picked instead of the one in focus
  #shown = null;
  #focus = null;
  #title = h("span", { class: "name" });
  #people = h("span", { class: "chip bare", hidden: true });
  #main = h("main", {});
  #hall = drawHall(1);
  #peopleText = h("p", { class: "soft" });
  #waiting;
  #connecting = h("div", { class: "middle" }, drawHall(0, 0), h("p", { class: "soft", role: "status" }, t("room.connecting")));
  #others = h("section", { class: "stack" });
  #dock = h("section", { class: "dock", hidden: true }); // reactions, which are given beside a question
  #elsewhere = h("p", { class: "notice", role: "alert", hidden: true }); // a refusal of what is no longer shown
  #score = h("section", { class: "own-score", hidden: true });
  #ended = null;
  #patience = null;

  constructor(seat, connection, onLeave) {
    this.#seat = seat;
    this.#connection = connection;
    this.#onLeave = onLeave;
    const title = seat.nickname ? t("room.waitTitleNamed", { name: seat.nickname }) : t("room.waitTitle");
    this.#waiting = h(
      "div",
      { class: "middle" },
      this.#hall,
      h("div", { class: "stack waiting" }, h("h1", {}, title), h("p", {}, t("room.wait")), this.#peopleText),
    );
    const offline = () => (connection.outbox.durable ? "banner.offline" : "banner.offlineFrail");
    fill(document.body, makeBar(this.#title, this.#people), makeBanner(connection, { offline }), this.#main);
    this.#patience = setTimeout(() => write(this.#connecting.lastChild, t("room.unreachable")), PATIENCE_MS);
    for (const event of ["state", "mine", "status"]) connection.on(event, () => this.#render());
    connection.on("receipt", ({ entry }) => this.#cardOf(entry)?.clearRefusal());
    connection.on("receipt", ({ change }) => {
      if (change === "waiting") this.#elsewhere.hidden = true; // the person went on
      this.#render();
    });
    connection.on("refused", ({ entry, ...refusal }) => {
      announce(sentence(refusal));
      const card = this.#cardOf(entry);
      card?.refuse(refusal, entry.data);
      this.#tellElsewhere(card === this.#shown ? null : entry, refusal);
      this.#render();
    });
    connection.on("score", () => this.#render());
    connection.on("closed", (reason) => this.#end(reason));
    this.#render();
  }

  close() {
    this.#ended = "left";
    clearTimeout(this.#patience);
    for (const card of this.#cards.values()) card.close();
  }

  #tellElsewhere(entry, refusal) {
    const activity = entry && this.#connection.state?.map.get(`activity:${entry.activity_id}`);
    this.#elsewhere.hidden = !activity;
    if (activity) write(this.#elsewhere, `${questionOf(activity)}: ${sentence(refusal)}`);
  }

  #cardOf({ activity_id, round }) {
    return this.#cards.get(`${activity_id}/${round}`);
  }

  #render() {
    const map = this.#connection.state?.map;
    if (this.#ended) return;
    if (!map) {
      fill(this.#main, this.#connecting);
      return;
    }
    clearTimeout(this.#patience);
    const session = map.get("session");
    write(this.#title, session?.title ?? "");
    document.title = `${session?.title ?? "Plenum"} · Plenum`;
    this.#renderPeople(map.get("people"));
    if (session?.state === "completed") {
      this.#renderEnd("end.session", [makeHome()]);
      return;
    }
    delete this.#main.dataset.end; // it was opened again
    this.#renderScore(map.has("leaderboard") ? this.#connection.score : null);
    const activities = activitiesOf(map);
    const shown = this.#choose(session, activities);
    const beside = activities.find((each) => each !== shown && each.type === "reaction" && each.state === "active");
    this.#renderDock(beside, map);
    if (!shown) {
      this.#shown = null;
      this.#renderOthers(activities.filter((each) => each !== beside));
      fill(this.#main, this.#elsewhere, this.#waiting, this.#score, this.#dock, this.#others);
      return;
    }
    const card = this.#cardFor(shown);
    card.update(shown, map);
    this.#renderOthers(activities.filter((each) => each !== shown && each !== beside));
    fill(this.#main, this.#elsewhere, card.element, this.#score, this.#dock, this.#others);
    if (this.#shown !== card) {
      if (this.#shown || !document.hasFocus()) announce(t("room.newQuestion", { title: questionOf(shown) }));
      this.#shown = card;
      scrollTo({ top: 0 });
    }
  }

  /** What to show: the person's own pick, until the presenter puts something else in focus. */
  #choose(session, activities) {
    const focus = session?.focus || null;
    if (focus !== this.#focus) this.#chosen = null;
    this.#focus = focus;
    const byId = (id) => activities.find((each) => each.id === id);
    return byId(this.#chosen) ?? byId(focus) ?? activities.find((each) => each.state === "active" && each.type !== "reaction") ?? null;
  }

  #renderDock(activity, map) {
    this.#dock.hidden = !activity;
    if (!activity) return;
    const card = this.#cardFor(activity);
    card.update(activity, map);
    this.#dock.setAttribute("aria-label", questionOf(activity));
    fill(this.#dock, card.element);
  }

  #cardFor(activity) {
    const key = `${activity.id}/${activity.round}`;
    // Until it was open once, the presenter may still rewrite the question.
    const sign = activity.opened_at_ms ? "" : JSON.stringify(activity.config.settings);
    const known = this.#cards.get(key);
    if (known?.sign === sign) return known;
    known?.close();
    const card = Object.assign(new Card(activity, this.#connection), { sign });
    this.#cards.set(key, card);
    return card;
  }

  #renderOthers(activities) {
    const map = this.#connection.state.map;
    const open = activities.filter((each) => each.state === "active");
    const results = activities.filter((each) => each.state !== "active" && map.has(`view:${each.id}`));
    const list = (key, found, isFolded = false) => {
      if (found.length === 0) return null;
      const title = h("h2", { class: "small soft" }, isFolded ? `${t(key)} (${number(found.length)})` : t(key));
      const choices = h("ul", { class: "choices" }, ...found.map((each) =>
        h("li", {}, h("button", { type: "button", on: { click: () => this.#pick(each.id) } },
          h("span", {}, questionOf(each)), h("span", { class: `chip push ${each.state}` }, t(`state.${each.state}`))))));
      return isFolded ? h("details", { class: "folded" }, h("summary", {}, title), choices) : [title, choices];
    };
    // Rebuilt only on change: a button must not vanish under a finger.
    const sign = JSON.stringify([...open, ...results].map((each) => [each.id, each.state, each.title]));
    if (this.#others.dataset.sign === sign) return;
    this.#others.dataset.sign = sign;
    fill(this.#others, list("room.others", open), list("room.results", results, results.length > RESULTS_OPEN));
  }

  /** Own points and place: there as long as the leaderboard is. */
  #renderScore(score) {
    this.#score.hidden = !score;
    const sign = JSON.stringify(score);
    if (!score || this.#score.dataset.sign === sign) return;
    this.#score.dataset.sign = sign;
    const climbed = (score.previous_rank ?? score.rank) - score.rank;
    const move = climbed !== 0 && h("span", { class: "soft", "aria-hidden": "true" }, climbed > 0 ? `▲ ${number(climbed)}` : `▼ ${number(-climbed)}`);
    const team = score.team && h("span", { class: "soft" }, t("score.team", { team: score.team }));
    fill(this.#score, h("strong", {}, t("score.points", { n: score.points })), h("span", {}, t("score.rank", { rank: score.rank, of: score.of })), move, team);
  }

  #pick(activityId) {
    this.#chosen = activityId;
    this.#render();
  }

  #renderPeople(people) {
    const count = people?.online ?? people?.joined;
    this.#people.hidden = !count;
    if (!count) return;
    if (this.#people.dataset.count !== String(count)) {
      this.#people.dataset.count = count;
      const spoken = h("span", { class: "off-screen" }, t("room.people", { n: count }));
      fill(this.#people, icon("people"), h("span", { "aria-hidden": "true" }, number(count)), spoken);
    }
    write(this.#peopleText, t("room.people", { n: count }));
    fillHall(this.#hall, count);
  }

  #end({ code, message }) {
    const again = h("button", { class: "primary", type: "button", on: { click: () => this.#onLeave() } }, t("end.again"));
    const home = makeHome();
    const reload = h("button", { class: "primary", type: "button", on: { click: () => location.reload() } }, t("end.reload"));
    if (code === "removed") this.#renderEnd("end.removed", [home]);
    else if (code === "session_ended") this.#renderEnd("end.session", [home]);
    else if (REJOIN.has(code)) this.#renderEnd("end.ticket", [again, home]);
    else this.#renderEnd("end.other", [reload, home], sentence({ code, message }));
    this.#ended = code;
  }

  #renderEnd(key, actions, text = has(key) ? t(key) : "") {
    const unsent = this.#connection.outbox.entries.filter((entry) => entry.state === "waiting").length;
    const sign = `${key}/${unsent}`;
    if (this.#main.dataset.end === sign) return;
    this.#main.dataset.end = sign;
    const title = h("h1", { tabIndex: -1 }, t(`${key}Title`));
    const lost = unsent > 0 && h("p", { class: "notice" }, t("end.unsent", { n: unsent }));
    fill(this.#main, h("div", { class: "middle" }, drawHall(0, 0), h("div", { class: "stack waiting" }, title, h("p", {}, text), lost, h("div", { class: "row" }, ...actions))));
    title.focus();
  }
}

function makeHome() {
  return !isEmbedded() && h("a", { class: "button", href: "/" }, t("end.home"));
}
