/**
 * One filtered list, read from the API page by page.
 *
 * Only orders from before its horizon, the last order of the last page, are certain to be there
 * without a hole; so the list ends there until the next page has come.
 */

import { get } from "../net/api.js";
import { FILTERS } from "./filters.js";
import { newestFirst, rankOf } from "./orders.js";

const PAGE = 200;

export class Pages {
  #call = null;

  /** `filter` is one of `filters.js`; `orders` takes what comes. */
  constructor(filter, orders) {
    Object.assign(this, { filter, orders, horizon: null, next: undefined, total: null, busy: false });
  }

  /** Whether the first page has come. */
  get begun() {
    return this.next !== undefined;
  }

  get complete() {
    return this.next === null;
  }

  /** Read the next page. Does nothing while one is on its way, or after the last. */
  async more() {
    if (this.busy || this.complete) return;
    this.busy = true;
    this.#call = new AbortController();
    const query = new URLSearchParams({ ...this.filter.query, limit: PAGE });
    if (this.next) query.set("cursor", this.next);
    else query.set("total", "true");
    try {
      const page = await get(`/api/orders?${query}`, { signal: this.#call.signal });
      this.orders.take(page.orders);
      this.total = page.total ?? this.total;
      this.next = page.next;
      if (this.complete && this.filter === FILTERS.all) this.orders.whole = true;
      const last = page.orders.at(-1);
      if (last) this.horizon = { rank: rankOf(last.submittedAt), orderId: last.orderId };
    } finally {
      this.busy = false;
    }
  }

  /** Give up on a page that is on its way. */
  stop() {
    this.#call?.abort();
  }

  /** Return the known orders of this list, newest first, up to its horizon. */
  rows() {
    const { matches } = this.filter;
    const rows = this.orders.all.filter(matches);
    if (this.complete || !this.begun) return rows;
    if (this.horizon === null) return rows;
    let end = rows.length;
    while (end && newestFirst(rows[end - 1], this.horizon) > 0) end -= 1;
    return end === rows.length ? rows : rows.slice(0, end);
  }
}
