/**
 * Send one order, at most once: all tries of one filled form carry one Idempotency-Key.
 *
 * Where the answer leaves open whether the order was taken (504, silence), the same again is safe.
 */

import { call } from "../net/api.js";
import { bodyOf, newKey } from "../lib/wish.js";

const UNSURE = new Set([0, 502, 503, 504]);

export class Sending {
  #key = newKey();

  get key() {
    return this.#key;
  }

  /** Begin another order: the form has changed, or the last one was taken. */
  renew() {
    this.#key = newKey();
  }

  /** Return the accepted order. Raises `Problem`. */
  async send(wish) {
    const headers = { "Idempotency-Key": this.#key };
    const taken = await call("POST", "/api/orders/execute", { body: bodyOf(wish), headers });
    this.renew();
    return taken;
  }
}

/** Return what to tell of an order that was not taken, or not for sure. */
export function explain(problem) {
  if (problem.code === "ACCEPTANCE_UNKNOWN" || problem.status === 0) {
    return "It is unknown whether the order was taken. Press again: the same order with the same key is placed once only.";
  }
  if (problem.status === 429) return "Too many requests for this key.";
  if (UNSURE.has(problem.status))
    return `${problem.title} (${problem.code}). Press again: it is the same order with the same key.`;
  const named = problem.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  return `${named || problem.message} (${problem.code}).`;
}
