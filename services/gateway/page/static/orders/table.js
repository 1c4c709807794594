/** The list of orders: filters above, rows below, and what stands there while there are no rows. */

import { $, fill, h, mark, write } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { FILTERS, ofStatus, onVenue } from "../state/filters.js";
import { link, onLink } from "../state/link.js";
import { MOST } from "../state/orders.js";
import { Pages } from "../state/pages.js";
import { failure } from "../shell/failure.js";
import { sideMode } from "../shell/side.js";
import { loading, nothing, welcome } from "./empty.js";
import { fileButton } from "./files.js";
import { held, released } from "./reading.js";
import { Rows } from "./rows.js";

export class Table {
  #shown = [];
  #waiting = 0;
  #reads = false;
  #trouble = null;
  #retry = null;
  #venues = "";
  #expected = null;
  #pick = { key: "all", status: null, venue: "" };

  /** `orders` is the store; `on.open(order)` and `on.place(preset)` are told. */
  constructor(root, orders, on) {
    Object.assign(this, { root, orders, on });
    this.rows = new Rows({
      open: (order) => on.open(order),
      scroll: () => this.#scrolled(),
      read: (reads) => {
        this.#reads = reads;
        this.refresh();
      },
    });
    this.#build();
    onLink(() => this.#say());
  }

  #build() {
    this.chips = new Map(Object.entries(FILTERS).map(([key, { name }]) => [key, this.#chip(key, name)]));
    this.lane = h("button", { class: "filter", type: "button", "aria-pressed": "true", hidden: true, onclick: () => this.pick("all") });
    this.venue = h("select", { class: "pick", "aria-label": "Venue", onchange: () => this.#load({ ...this.#pick, venue: this.venue.value }) });
    this.newer = h("button", { class: "newer", type: "button", hidden: true, onclick: () => this.top() }, icon("up", 14), h("span", { class: "num" }));
    this.live = h("span", { class: "live", role: "status" });
    this.instead = h("div", { class: "instead" });
    fill(
      this.root,
      h(
        "div",
        { class: "panel-head" },
        h("h2", {}, "Orders"),
        h("div", { class: "filters", role: "group", "aria-label": "Filter" }, [...this.chips.values()].map(({ node }) => node), this.lane),
        h("span", { class: "grow" }),
        this.venue,
        fileButton(() => this.pages.filter.query),
        this.newer,
        this.live,
      ),
      h("div", { class: "rows-box" }, this.rows.box, this.instead),
    );
    this.venues([]);
  }

  #chip(key, name) {
    const figure = h("b", { class: "num" });
    const node = h("button", { class: "filter", type: "button", "data-filter": key, onclick: () => this.pick(key) }, h("span", {}, name), figure);
    return { node, figure };
  }

  /** Offer these venues to filter by. */
  venues(names) {
    const words = names.join();
    if (words === this.#venues && this.venue.options.length) return;
    this.#venues = words;
    const chosen = this.venue.value;
    fill(this.venue, h("option", { value: "" }, "Any venue"), names.map((name) => h("option", { value: name }, name)));
    this.venue.value = names.includes(chosen) ? chosen : "";
  }

  /** Show how many orders each filter has: `{all: {count, exact}, ...}`, where that is known. */
  counts(totals) {
    for (const [key, { node, figure }] of this.chips) {
      const total = totals[key];
      write(figure, total ? count(total.count) + (total.exact ? "" : "+") : "");
      node.classList.toggle("hot", key === "unresolved" && Boolean(total?.count));
    }
  }

  get filter() {
    return this.#pick.key;
  }

  /** Show the orders of a filter, or of one status; both lists begin at the top. */
  pick(key, status = null) {
    this.#load({ ...this.#pick, key, status });
  }

  /** Read the list anew from the API, as after a change of the user. */
  reload() {
    this.#load(this.#pick);
  }

  #load(pick) {
    this.#pick = pick;
    this.pages?.stop();
    const filter = pick.status ? ofStatus(pick.status) : FILTERS[pick.key];
    const narrowed = onVenue(filter, pick.venue);
    this.orders.wanted = pick.key === "all" && !pick.status && !pick.venue ? () => false : narrowed.matches;
    this.pages = new Pages(narrowed, this.orders);
    this.#trouble = null;
    for (const [key, { node }] of this.chips) mark(node, "aria-pressed", String(!pick.status && key === pick.key));
    this.lane.hidden = !pick.status;
    write(this.lane, pick.status ? `${pick.status} ×` : "");
    this.#reads = false;
    this.rows.top();
    this.refresh(true);
    this.#more();
  }

  async #more() {
    const { pages } = this;
    clearTimeout(this.#retry);
    try {
      await pages.more();
      if (pages !== this.pages) return;
      this.#trouble = null;
    } catch (problem) {
      if (pages !== this.pages || !problem.code) return;
      const pause = Math.max(problem.retryAfterMs ?? 0, 5_000);
      this.#trouble = { problem, at: Date.now() + pause };
      this.#retry = setTimeout(() => this.#more(), pause);
    }
    this.orders.settle();
    this.refresh();
  }

  #scrolled() {
    const full = this.#shown.length >= MOST;
    if (this.pages?.begun && !this.pages.complete && !full && this.rows.nearEnd && !this.#trouble) this.#more();
    this.#say();
  }

  /** Whether somebody reads, so that nothing in sight may move. */
  get #holds() {
    return this.rows.scrolled || this.#reads || this.rows.chosen !== null;
  }

  /** Show what the store has now. `anew` lets the list go even if somebody reads. */
  refresh(anew = false) {
    if (!this.pages) return;
    const rows = this.pages.rows();
    const arrived = this.#expected !== null && this.orders.get(this.#expected) !== undefined;
    if (arrived) this.#expected = null;
    if (this.#holds && !anew && !arrived) {
      const { shown, waiting } = held(this.#shown, rows);
      this.#shown = shown;
      this.#waiting = waiting;
    } else {
      this.#shown = released(rows, this.#pick.key === "all" && !this.#pick.status);
      this.#waiting = 0;
    }
    this.rows.show(this.#shown);
    this.#say();
    this.#fillIn();
  }

  /** Bring times up to now. */
  tick() {
    this.rows.paint();
  }

  /** Let go, and show the newest. */
  top() {
    this.#reads = false;
    this.rows.top();
    if (sideMode() !== "order") this.rows.choose(null);
    this.refresh(true);
  }

  /** Show an order as soon as it is known, even if somebody reads: it is the reader's own. */
  expect(id) {
    this.#expected = id;
    this.rows.top();
  }

  choose(id) {
    this.rows.choose(id);
    this.#say();
  }

  neighbour(by) {
    return this.rows.neighbour(by);
  }

  #say() {
    const waits = this.#waiting > 0;
    this.newer.hidden = !waits;
    this.live.hidden = waits;
    if (waits) write(this.newer.lastChild, `${count(this.#waiting)} newer`);
    const state = link.state === "away" ? "off" : link.state === "opening" ? "opening" : this.#holds ? "hold" : "on";
    this.live.dataset.live = state;
    write(this.live, { off: "Not live", opening: "Connecting", hold: "Held while you read", on: "Live" }[state]);
  }

  #fillIn() {
    const state = this.#shown.length ? "rows" : this.#trouble ? "trouble" : !this.pages.begun ? "loading" : this.#isEmpty ? "welcome" : "nothing";
    const key = state === "trouble" ? `trouble ${this.#trouble.at}` : state;
    if (this.root.dataset.state === key) return;
    this.root.dataset.state = key;
    const content = {
      rows: () => null,
      loading,
      welcome: () => welcome(this.on.place),
      nothing: () => nothing(() => this.pick("all")),
      trouble: () => this.#failed(),
    }[state]();
    fill(this.instead, content);
    mark(this.rows.box, "inert", content ? "" : null);
  }

  get #isEmpty() {
    return this.#pick.key === "all" && !this.#pick.status && !this.#pick.venue;
  }

  #failed() {
    const { problem, at } = this.#trouble;
    const still = problem.code === "HISTORY_UNAVAILABLE" ? "New orders are still taken and executed; only the list is missing." : "";
    return failure({ title: "Orders could not be loaded", still, problem, at, again: () => this.#more() });
  }
}

export const tableIn = (orders, on) => new Table($("#orders"), orders, on);
