/**
 * Keep the known orders in step with the account stream, and fill what the stream cannot.
 *
 * A stream begins at its first cursor: what came before is read from the lists once it is open.
 * So is whatever the gateway says that it has lost.
 */

import { now } from "../lib/clock.js";
import { get } from "../net/api.js";
import { Stream } from "../net/stream.js";
import { link, setLink } from "./link.js";

const PAGE = 200;
const MOST_PAGES = 50; // 10,000 orders: as many as this page keeps.
const LATE_PAGES = 5; // So many at each try while the stream is away.
const MARGIN_MS = 5_000;
const SILENT_MS = 10_000;
const MOST_DOUBTS = 10; // At a time.

export class Follower {
  #began = null;
  #fills = 0;
  #doubting = null;

  /** `on.changed()` after orders came, `on.lost({since, why})` after lost history was read again. */
  constructor(orders, on) {
    Object.assign(this, { orders, on });
    this.stream = new Stream({
      open: ({ fresh }) => this.#opened(fresh),
      orders: (told) => this.orders.take(told),
      lost: (lost) => this.#lost(lost),
      away: (away) => this.#away(away),
    });
  }

  start() {
    clearInterval(this.#doubting);
    this.#doubting = setInterval(() => link.state === "live" && this.#doubt(), SILENT_MS / 2);
    this.#began = now();
    setLink({ state: "opening" });
    this.stream.start();
  }

  stop() {
    clearInterval(this.#doubting);
    this.#fills += 1;
    this.stream.stop();
  }

  forget() {
    this.stream.forget();
  }

  /** Try at once. */
  retry() {
    setLink({ again: Date.now() });
    this.stream.start();
  }

  async #opened(fresh) {
    setLink({ state: "live", reachable: true });
    if (fresh) this.#fill();
  }

  // Whatever a list or the stream might have passed over is asked for by its id, which the log
  // itself answers: orders in flight that nothing has been heard of for a while.
  async #doubt() {
    const at = now();
    const silent = [...this.orders.flying.values()].filter(
      (order) => at - Math.max(order.changedAt, order.askedAt ?? 0) > (order.unresolved ? 3 : 1) * SILENT_MS,
    );
    for (const order of silent.slice(0, MOST_DOUBTS)) {
      order.askedAt = at;
      try {
        this.orders.take([await get(`/api/orders/${order.orderId}`)]);
      } catch {
        // It is asked for again later.
      }
    }
  }

  // Lists follow the log a moment later: what happened right before the first cursor may not be
  // in them yet.
  async #fill() {
    const run = ++this.#fills;
    for (const pause of [0, 2_000, 8_000]) {
      await new Promise((done) => setTimeout(done, pause));
      if (run !== this.#fills) return;
      await this.#since(this.#began - MARGIN_MS);
    }
  }

  async #lost(lost) {
    await this.#since(Date.parse(lost.since));
    this.on.lost(lost);
  }

  async #away({ again, why }) {
    const reachable = await isThere();
    setLink({ state: "away", again, why, reachable });
    if (!reachable) return;
    const asOf = now();
    await this.#since(link.asOf - MARGIN_MS, LATE_PAGES);
    if (link.state === "away") setLink({ asOf }); // What is shown is no older than that.
  }

  // Read all orders that have changed since a time, up to a bound.
  async #since(ms, pages = MOST_PAGES) {
    const query = new URLSearchParams({ updatedSince: new Date(ms).toISOString(), limit: PAGE });
    try {
      for (let page = 0; page < pages; page += 1) {
        const told = await get(`/api/orders?${query}`);
        this.orders.take(told.orders);
        this.on.changed();
        if (told.next === null) return;
        query.set("cursor", told.next);
      }
    } catch {
      // The list shows the same trouble, and tries again.
    }
  }
}

async function isThere() {
  try {
    await get("/health", { deadlineMs: 4_000 });
    return true;
  } catch {
    return false;
  }
}
