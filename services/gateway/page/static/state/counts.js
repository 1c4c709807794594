/**
 * How many orders each filter has.
 *
 * A caller who sees all orders reads them off the flow's figures, which come anyway. Another one's
 * are counted here where the page knows them all; else by the lists, rarely and only after something has changed.
 */

import { get } from "../net/api.js";
import { FILTERS } from "./filters.js";

const PAUSE_MS = 15_000;

/** Return the totals of all filters from the figures of all orders. Pure. */
export function totalsOf({ open, ended }) {
  if (!open || !ended) return {};
  const flying = open.pending + open.routing + open.building + open.submitted;
  const stopped = ended.cancelled + ended.expired;
  const exact = (count) => ({ count, exact: true });
  return {
    all: exact(flying + stopped + ended.confirmed + ended.failed),
    flight: exact(flying),
    unresolved: exact(open.unresolved),
    confirmed: exact(ended.confirmed),
    failed: exact(ended.failed),
    stopped: exact(stopped),
  };
}

/** Return the totals of all filters from all orders of the caller. Pure. */
export function counted(orders) {
  const exact = ([key, { matches }]) => [key, { count: orders.filter(matches).length, exact: true }];
  return Object.fromEntries(Object.entries(FILTERS).map(exact));
}

/** Counts the orders of a caller who sees only some. `show(totals)` is told. */
export class OwnCounts {
  #due = 0;
  #busy = false;
  #owed = null;

  constructor(show) {
    this.show = show;
  }

  /** Count anew at the next call: the caller is another one. */
  forget() {
    this.#due = 0;
    clearTimeout(this.#owed);
    this.#owed = null;
  }

  /** Count now or, where that was done lately, once its pause is over. */
  async count() {
    if (this.#busy || Date.now() < this.#due) return this.#owe();
    this.#busy = true;
    try {
      const totals = {};
      for (const [key, { query }] of Object.entries(FILTERS)) {
        const page = await get(`/api/orders?${new URLSearchParams({ ...query, limit: 1, total: "true" })}`);
        totals[key] = page.total;
      }
      this.show(totals);
    } catch {
      // The list says that there is trouble; counts may wait.
    } finally {
      this.#due = Date.now() + PAUSE_MS;
      this.#busy = false;
    }
  }

  // The last change of a burst is counted, too.
  #owe() {
    const pay = () => {
      this.#owed = null;
      this.count();
    };
    this.#owed ??= setTimeout(pay, Math.max(1_000, this.#due - Date.now()));
  }
}
