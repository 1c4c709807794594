/**
 * Any number of rows in a box that scrolls, of which a few dozen are in the document.
 *
 * Rows that leave sight are used again for those that come in; nothing is built while scrolling.
 */

import { h, mark, phone, style } from "../lib/dom.js";
import { shownAt } from "../state/link.js";
import { blankRow, COLUMNS, heading, writeChosen, writeOrder, writeTimes } from "./cells.js";

const OVER = 4; // Rows beyond what is in sight, above and below.
const HEADING_PX = 30;

export class Rows {
  #byId = new Map();
  #spare = [];
  #orders = [];
  #top = 0; // Kept, as asking the box for them after a change costs a layout.
  #view = 0;
  chosen = null;

  /** `on.open(order)`, `on.scroll()` and `on.read(whether the pointer is over it)` are told. */
  constructor(on) {
    this.spacer = h("div", { class: "spacer", role: "presentation" });
    this.box = h(
      "div",
      {
        class: "rows",
        tabindex: 0,
        role: "grid",
        "aria-label": "Orders, newest first",
        "aria-readonly": "true",
        "aria-colcount": COLUMNS.length,
        onscroll: () => {
          this.#top = this.box.scrollTop;
          this.paint();
          on.scroll();
        },
        onpointerenter: ({ pointerType }) => pointerType !== "touch" && on.read(true),
        onpointerleave: () => on.read(false),
      },
      heading(),
      this.spacer,
    );
    this.on = on;
    new ResizeObserver(() => {
      this.#view = this.box.clientHeight;
      this.paint();
    }).observe(this.box);
  }

  get height() {
    return phone.matches ? 60 : 34;
  }

  get #head() {
    return phone.matches ? 0 : HEADING_PX;
  }

  get scrolled() {
    return this.#top > 4;
  }

  /** Whether the end of the list is in sight, or nearly. */
  get nearEnd() {
    return this.#top + 3 * this.#view > this.#orders.length * this.height;
  }

  /** Take the orders to show, first of all first. */
  show(orders) {
    this.#orders = orders;
    style(this.spacer, { "--h": `${orders.length * this.height}px` });
    mark(this.box, "aria-rowcount", orders.length + 1);
    this.paint();
  }

  top() {
    this.#scroll(0);
  }

  #scroll(to) {
    this.box.scrollTop = to;
    this.#top = this.box.scrollTop;
  }

  /** Bring what is in sight up to now. */
  paint() {
    const height = this.height;
    const first = Math.max(0, Math.floor(this.#top / height) - OVER);
    const last = Math.min(this.#orders.length, Math.ceil((this.#top + this.#view) / height) + OVER);
    const seen = this.#orders.slice(first, last);
    this.#recycle(new Set(seen.map((order) => order.orderId)));
    const [at, narrow] = [shownAt(), phone.matches];
    seen.forEach((order, index) => {
      const row = this.#byId.get(order.orderId) ?? this.#take(order);
      if (row.version !== order.version || row.order !== order) writeOrder(row, order);
      writeTimes(row, at, narrow);
      writeChosen(row, order.orderId === this.chosen);
      style(row.node, { "--y": `${(first + index) * height}px` });
      mark(row.node, "aria-rowindex", first + index + 2);
    });
  }

  #recycle(wanted) {
    for (const [id, row] of this.#byId) {
      if (wanted.has(id)) continue;
      this.#byId.delete(id);
      this.#spare.push(row);
      row.node.hidden = true;
    }
  }

  #take(order) {
    const row = this.#spare.pop() ?? this.#build();
    row.node.hidden = false;
    this.#byId.set(order.orderId, row);
    return row;
  }

  #build() {
    const row = blankRow(() => this.on.open(row.order));
    this.spacer.append(row.node);
    return row;
  }

  /** Choose an order by its id, or none, and bring it into sight. */
  choose(id) {
    this.chosen = id;
    const index = id === null ? -1 : this.indexOf(id);
    if (index >= 0) this.#reveal(index);
    this.paint();
    mark(this.box, "aria-activedescendant", index >= 0 ? `order-${id}` : null);
  }

  #reveal(index) {
    const [top, view] = [index * this.height, this.#view - this.#head];
    if (top < this.#top) this.#scroll(top);
    else if (top + this.height > this.#top + view) this.#scroll(top + this.height - view);
  }

  indexOf(id) {
    return this.#orders.findIndex((order) => order.orderId === id);
  }

  /** Return the order that lies `by` rows from the chosen one, or from the top if none is. */
  neighbour(by) {
    const index = this.chosen === null ? -1 : this.indexOf(this.chosen);
    const wanted = Math.max(0, Math.min(this.#orders.length - 1, index + by));
    return this.#orders[wanted] ?? null;
  }
}
