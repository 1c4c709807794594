/**
 * Look at an address again and again, while somebody sees the page.
 *
 * The gateway looks up such figures once for all who ask. A look that fails is repeated after a
 * pause that doubles up to half a minute, or that the gateway names.
 */

import { get, Problem } from "./api.js";

const LONGEST_MS = 30_000;
const UNSEEN_MS = 500; // Then it is judged anew whether it is seen.

export class Look {
  #timer = null;
  #call = null;
  #failures = 0;
  #heard = false;

  /**
   * `onNews(document)` and `onTrouble(problem, retryAt)` are told each outcome; `seen()` tells
   * whether anybody sees what it is for.
   */
  constructor({ path, everyMs, onNews, onTrouble = () => {}, seen = () => true }) {
    Object.assign(this, { path, everyMs, onNews, onTrouble, seen, running: false });
    document.addEventListener("visibilitychange", () => this.running && this.again());
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.again();
  }

  stop() {
    this.running = false;
    this.#end();
  }

  /** Look now; the next look follows from then. */
  again() {
    this.#end();
    if (!this.running || document.hidden) return;
    if (this.seen()) this.#look();
    else this.#timer = setTimeout(() => this.again(), UNSEEN_MS);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#call?.abort();
    this.#call = null;
  }

  async #look() {
    const call = (this.#call = new AbortController());
    let pause = this.everyMs;
    try {
      const path = typeof this.path === "function" ? this.path() : this.path;
      const news = await get(path, { signal: call.signal });
      if (this.#call !== call) return;
      this.#failures = 0;
      this.#heard = true;
      this.onNews(news);
    } catch (problem) {
      if (this.#call !== call) return;
      pause = this.#trouble(problem);
    }
    this.#timer = setTimeout(() => this.again(), pause);
  }

  // Figures that are there stay: after one failure, and while the whole gateway is away, which the
  // banner tells.
  #overlooks(problem) {
    return this.#heard && (this.#failures === 1 || problem.unreachable);
  }

  #trouble(problem) {
    if (!(problem instanceof Problem)) {
      reportError(problem); // A bug of ours belongs into the console; the next look may be fine.
      return this.everyMs;
    }
    this.#failures += 1;
    const patience = Math.min(LONGEST_MS, Math.max(1000, this.everyMs) * 2 ** (this.#failures - 1));
    const pause = Math.max(problem.retryAfterMs ?? 0, patience);
    if (!this.#overlooks(problem)) this.onTrouble(problem, Date.now() + pause);
    return pause;
  }
}
