/**
 * The orders this page knows: up to 10,000, newest first, each in its newest version.
 *
 * Lists and the stream both write here, in any order; a version that is older than the known one
 * changes nothing.
 */

import { heard } from "../lib/clock.js";
import { hasEnded } from "../lib/status.js";

export const MOST = 10_000;

/** Return a time of the API in microseconds since 1970, which is as fine as lists are sorted. */
export function rankOf(text) {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  return Date.parse(text) * 1000 + Number(fraction.padEnd(6, "0").slice(3, 6)); // Dates know ms.
}

/** Compare two orders as lists have them: newest first, and by id where the time is the same. */
export function newestFirst(one, other) {
  if (one.rank !== other.rank) return other.rank - one.rank;
  return one.orderId < other.orderId ? 1 : one.orderId > other.orderId ? -1 : 0;
}

const JUST_MS = 2_000;

// Where its dot lies in the height of a lane: anywhere, but always there.
const seedOf = (id) => parseInt(id.slice(-4), 16) / 0xffff || 0;

export class Orders {
  #byId = new Map();
  #fresh = [];
  #changed = new Map();
  #landed = [];

  all = []; // Newest first.
  whole = false; // Whether these are all that the caller may see.
  flying = new Map(); // Those that have not ended, by id.
  wanted = () => false; // Orders that are being looked at are kept, however old.

  get(id) {
    return this.#byId.get(id);
  }

  get size() {
    return this.#byId.size;
  }

  /** Take orders as the API tells them. Cheap: what follows from them is for `settle`. */
  take(told) {
    for (const order of told) {
      const known = this.#byId.get(order.orderId);
      if (known && known.version >= order.version) continue;
      const kept = known ?? { seed: seedOf(order.orderId) };
      const moved = kept.status !== order.status;
      Object.assign(kept, order);
      if (!known) this.#add(kept);
      kept.ended = hasEnded(kept);
      kept.changedAt = Date.parse(kept.updatedAt);
      heard(kept.changedAt);
      if (moved) kept.enteredAt = kept.changedAt; // The lane that it is in.
      if (kept.ended) this.#land(kept);
      else this.flying.set(kept.orderId, kept);
      this.#changed.set(kept.orderId, kept);
    }
  }

  #land(order) {
    if (this.flying.delete(order.orderId) || order.changedAt > Date.now() - JUST_MS) this.#landed.push(order);
  }

  /** Return the orders that have ended since a time in ms, newest last. */
  lately(since) {
    const first = this.#landed.findIndex(({ changedAt }) => changedAt >= since);
    this.#landed = first < 0 ? [] : this.#landed.slice(first);
    return this.#landed;
  }

  #add(order) {
    order.at = Date.parse(order.submittedAt);
    order.rank = rankOf(order.submittedAt);
    this.#byId.set(order.orderId, order);
    this.#fresh.push(order);
  }

  /** Return what has changed since the last time, and which of it is new to this page. */
  settle() {
    const fresh = this.#fresh.sort(newestFirst);
    const changed = [...this.#changed.values()];
    if (fresh.length) this.all = this.#merged(fresh);
    this.#fresh = [];
    this.#changed = new Map();
    this.#trim();
    return { fresh, changed };
  }

  #merged(fresh) {
    if (!this.all.length || newestFirst(fresh.at(-1), this.all[0]) < 0) return fresh.concat(this.all);
    return fresh.concat(this.all).sort(newestFirst);
  }

  // The oldest go first.
  #trim() {
    if (this.all.length <= MOST) return;
    const gone = this.all.slice(MOST).filter((order) => order.ended && !this.wanted(order));
    if (!gone.length) return;
    const old = new Set(gone);
    this.whole = false;
    for (const { orderId } of gone) this.#byId.delete(orderId);
    this.all = this.all.filter((order) => !old.has(order));
  }

  /** Forget all: another user sees other orders. */
  clear() {
    this.#byId.clear();
    this.flying.clear();
    this.#landed = [];
    this.#changed.clear();
    this.#fresh = [];
    this.all = [];
    this.whole = false;
  }
}
