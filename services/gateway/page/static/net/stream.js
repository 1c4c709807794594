/**
 * The account stream: every order of the account as it changes, over one socket.
 *
 * It comes back by itself and goes on at its cursor, so that nothing is missed. History that the
 * gateway has no more is told (`onLost`), never passed over.
 */

import { address, call, Problem } from "./api.js";
import { hasKey, refused } from "./session.js";

const COALESCE_MS = 250;
const SILENCE_MS = 20_000; // The gateway says something every few seconds.
const OPENING_MS = 10_000;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const CODES = { wrong: 4400, refused: 4401, leaving: 1012, slow: 1013 };

export class Stream {
  #socket = null;
  #timer = null;
  #cursor = null;
  #epoch = null;
  #failures = 0;
  #run = 0; // Counts attempts: an answer to an older one is nobody's.

  /**
   * `on.open({fresh})`, `on.orders(list)`, `on.lost({since, why})` and
   * `on.away({again, why, reachable})`, `again` being when it tries next, in ms since 1970.
   */
  constructor(on) {
    this.on = on;
  }

  /** Open it, at the cursor if there is one. */
  async start() {
    this.stop();
    const run = ++this.#run;
    const query = new URLSearchParams({ coalesce: COALESCE_MS });
    if (this.#cursor !== null) query.set("cursor", this.#cursor);
    try {
      if (hasKey()) query.set("ticket", (await call("POST", "/api/ws-ticket")).ticket);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (run === this.#run && problem.status !== 401) this.#away(problem.title, problem.retryAfterMs);
      return;
    }
    if (run === this.#run) this.#open(query);
  }

  /** Close it; `start` goes on from here. */
  stop() {
    this.#run += 1;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Forget the cursor: another user's history is another. */
  forget() {
    this.#cursor = this.#epoch = null;
    this.#failures = 0;
  }

  #drop() {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  #open(query) {
    const at = address("/api/stream");
    at.protocol = at.protocol === "https:" ? "wss:" : "ws:";
    at.search = query;
    const socket = (this.#socket = new WebSocket(at));
    this.#patience(OPENING_MS);
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
  }

  #patience(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#drop();
      this.#away("The stream has gone silent");
    }, ms);
  }

  #hear(message) {
    this.#patience(SILENCE_MS);
    if (message.stream === "open") {
      const fresh = this.#cursor === null;
      this.#failures = 0;
      this.#epoch = message.epoch;
      this.#cursor = message.cursor;
      this.on.open({ fresh });
      return;
    }
    if (message.lost) {
      this.#epoch = message.epoch ?? this.#epoch;
      this.on.lost(message.lost);
    }
    if (message.orders) this.on.orders(message.orders);
    if (message.cursor) this.#cursor = message.cursor; // Only once what it covers has been taken.
  }

  #closed(code, reason) {
    clearTimeout(this.#timer);
    this.#socket = null;
    if (code === CODES.refused) return refused("This key was revoked, or may see less now.");
    if (code === CODES.leaving) this.#failures = 0;
    if (code === CODES.wrong) this.#cursor = null; // It is of another log: only a new beginning helps.
    const why = { [CODES.leaving]: "The gateway is leaving", [CODES.slow]: "This page read too slowly" }[code];
    return this.#away(why ?? (reason || "The connection was lost"));
  }

  #away(why, atLeastMs = 0) {
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)];
    this.#failures += 1;
    // Up to a quarter more: a thousand pages do not come back in the same instant.
    const ms = Math.max(atLeastMs ?? 0, pause * (1 + Math.random() / 4));
    this.on.away({ again: Date.now() + ms, why });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), ms);
  }
}
