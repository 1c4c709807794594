/** The list of orders: filters above, rows below, and what stands there while there are no rows. */

import { $, fill, h, mark } from "../lib/dom.js";
import { FILTERS, ofStatus, onVenue } from "../state/filters.js";
import { link, onLink } from "../state/link.js";
import { MOST } from "../state/orders.js";
import { Pages } from "../state/pages.js";
import { failure } from "../shell/failure.js";
import { sideMode } from "../shell/side.js";
import { loading, nothing, welcome } from "./empty.js";
import { Head } from "./head.js";
import { held, released } from "./reading.js";
import { Rows } from "./rows.js";

export class Table {
  #shown = [];
  #waiting = 0;
  #reads = false;
  #trouble = null;
  #retry = null;
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
    this.head = new Head({
      pick: (key) => this.pick(key),
      venue: (venue) => this.#load({ ...this.#pick, venue }),
      top: () => this.top(),
      query: () => this.pages.filter.query,
    });
    this.instead = h("div", { class: "instead" });
    fill(root, this.head.node, h("div", { class: "rows-box" }, this.rows.box, this.instead));
    onLink(() => this.#say());
  }

  /** Offer these venues to filter by. */
  venues(names) {
    this.head.venues(names);
  }

  /** Show how many orders each filter has: `{all: {count, exact}, ...}`, where that is known. */
  counts(totals) {
    this.head.counts(totals);
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
    this.head.pressed(pick);
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
    const state = { away: "off", opening: "opening" }[link.state] ?? (this.#holds ? "hold" : "on");
    this.head.say(state, this.#waiting);
  }

  #fillIn() {
    const state = this.#shown.length
      ? "rows"
      : this.#trouble
        ? "trouble"
        : !this.pages.begun
          ? "loading"
          : this.#isEmpty
            ? "welcome"
            : "nothing";
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
    const still =
      problem.code === "HISTORY_UNAVAILABLE"
        ? "New orders are still taken and executed; only the list is missing."
        : "";
    return failure({ title: "Orders could not be loaded", still, problem, at, again: () => this.#more() });
  }
}

export const tableIn = (orders, on) => new Table($("#orders"), orders, on);
