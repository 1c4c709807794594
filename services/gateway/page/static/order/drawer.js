/**
 * One order, explained: what it is, what happens next, where the time went, why this venue, and
 * the facts. Its words and its buttons are the server's.
 */

import { fill, h, write } from "../lib/dom.js";
import { age, clock, duration, short } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { copyButton } from "../lib/notes.js";
import { hasEnded, chip, statusOf, toneOf } from "../lib/status.js";
import { get, Problem } from "../net/api.js";
import { failure } from "../shell/failure.js";
import { shownAt } from "../state/link.js";
import { Actions } from "./actions.js";
import { factsSection, rawEvents } from "./facts.js";
import { quotesSection } from "./quotes.js";
import { timeline } from "./timeline.js";
import { amounts } from "./words.js";

const AGAIN_MS = 400; // The least time between two looks at an order that changes.
const LATER_MS = 3_000; // The same after a look that failed.
const TICK_MS = 250;

export class Drawer {
  #order = null;
  #events = [];
  #call = null;
  #timer = null;
  #looked = 0;
  #again = false;
  #failed = false;
  #drawn = "";
  #ended = false;

  /** `on.close()`, `on.step(by)`, `on.repeat(wish)` and `on.told(order)` are told; `slot` is filled at once. */
  constructor(slot, orderId, on) {
    this.path = `/api/orders/${orderId}`;
    this.orderId = orderId;
    this.on = on;
    this.#build(slot);
    this.#look();
    this.ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Give up: another thing has the slot. */
  end() {
    this.#ended = true;
    this.#call?.abort();
    clearTimeout(this.#timer);
    clearInterval(this.ticking);
  }

  /** Take note that the order may have changed: its newest version is known by now. */
  changed(version) {
    if (this.#order && version <= this.#order.version) return;
    if (this.#call) this.#again = true;
    else this.#soon();
  }

  #soon(pause = AGAIN_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.max(0, this.#looked + pause - Date.now()));
  }

  async #look() {
    this.#looked = Date.now();
    this.#again = false;
    this.#call = new AbortController();
    const { signal } = this.#call;
    try {
      const [order, events] = await Promise.all([get(this.path, { signal }), get(`${this.path}/events`, { signal })]);
      this.#order = { ...order, ended: hasEnded(order) };
      this.#events = events;
      this.#failed = false;
      this.on.told(order);
      const said = JSON.stringify(order);
      if (said !== this.#drawn) this.#draw(); // Else whoever selects a text or presses a button is left alone.
      this.#drawn = said;
    } catch (problem) {
      if (!(problem instanceof Problem)) return;
      if (!this.#order) this.#fail(problem);
      this.#failed = true;
      this.#again = problem.status !== 404;
    } finally {
      this.#call = null;
    }
    if (this.#again && !this.#ended) this.#soon(this.#failed ? LATER_MS : AGAIN_MS);
  }

  #fail(problem) {
    const title = problem.status === 404 ? "There is no such order" : "The order could not be loaded";
    fill(this.lead, failure({ title, problem, again: () => this.#look() }));
  }

  #build(slot) {
    const button = (name, title, shape, act) =>
      h("button", { class: "ghost", type: "button", "aria-label": name, title, onclick: act }, icon(shape));
    this.lead = h(
      "section",
      { class: "lead", "aria-label": "The order" },
      h("p", { class: "dim", role: "status" }, "Loading the order …"),
    );
    this.next = h("section", { class: "next", hidden: true, "aria-label": "Next" });
    this.quotes = h("div");
    this.facts = h("div");
    this.timeline = timeline();
    this.timeline.node.hidden = true;
    this.raw = rawEvents(`${this.path}/events`);
    this.raw.node.hidden = true;
    this.body = h(
      "div",
      { class: "drawer-body", tabindex: 0, role: "region", "aria-label": "Order" },
      this.lead,
      this.next,
      this.timeline.node,
      this.quotes,
      this.facts,
      this.raw.node,
    );
    this.actions = new Actions({ repeat: this.on.repeat, done: () => this.#ended || this.#soon() });
    slot.dataset.orderId = this.orderId;
    fill(
      slot,
      h(
        "div",
        { class: "drawer-head" },
        h("span", { class: "grab", "aria-hidden": "true" }),
        h("span", { class: "mono dim", title: this.orderId }, short(this.orderId)),
        copyButton(this.orderId, "order id"),
        h("span", { class: "grow" }),
        button("Newer order", "Newer  k", "up", () => this.on.step(-1)),
        button("Older order", "Older  j", "down", () => this.on.step(1)),
        button("Close order", "Close  Esc", "close", this.on.close),
      ),
      this.body,
      this.actions.node,
    );
  }

  #draw() {
    const order = this.#order;
    const status = statusOf(order);
    const { gives, gets } = amounts(order);
    this.since = h("span", { class: "note num" });
    this.lead.dataset.status = status;
    fill(
      this.lead,
      h("div", { class: "lead-top" }, chip(status), this.since),
      h("h2", {}, gives, h("span", { class: "to" }, "→"), gets),
      order.summary && h("p", {}, order.summary),
    );
    this.#drawNext(order, status);
    this.timeline.node.hidden = this.raw.node.hidden = false;
    fill(this.quotes, quotesSection(order, this.#events));
    fill(this.facts, factsSection(order, this.#events));
    this.raw.show(this.#events);
    this.timeline.show(order, this.#events, shownAt());
    this.actions.show(order);
    this.#tick(true);
  }

  #drawNext(order, status) {
    const { next } = order;
    this.due = null;
    this.next.hidden = !next;
    if (!next) return;
    this.next.dataset.tone = order.ended ? "idle" : toneOf(status);
    this.due = next.at ? h("span", { class: "num" }) : null;
    fill(
      this.next,
      h("h3", {}, order.ended ? "Next" : "What happens next"),
      h("p", {}, h("b", {}, next.what), " ", this.due, next.because && [" ", next.because]),
    );
  }

  /** Cancel the order, where the server offers that. */
  cancel() {
    this.actions.cancel();
  }

  /** Copy the order as a command. */
  curl() {
    this.actions.curl();
  }

  #tick(drawn = false) {
    const order = this.#order;
    if (!order) return;
    const [at, from, to] = [shownAt(), Date.parse(order.submittedAt), Date.parse(order.updatedAt)];
    const words = order.ended ? `in ${duration(to - from)}, ${age(at - to)} ago` : `for ${duration(at - from)}`;
    write(this.since, words);
    if (this.due) write(this.due, dueAt(Date.parse(order.next.at), at));
    if (!order.ended && !drawn) this.timeline.show(order, this.#events, at);
  }
}

const dueAt = (due, at) =>
  due > at
    ? `in ${duration(Math.ceil((due - at) / 1000) * 1000).replace(".00", "")}, at ${clock(due)} UTC.`
    : `due since ${clock(due)} UTC.`;
