/**
 * What the venues offer for the order in the form, asked of `POST /api/quotes` when it changes and
 * every ten seconds while somebody sees it.
 */

import { h } from "../lib/dom.js";
import { amount, bps, compareDecimals, exact, plainly, venueName } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { post, Problem } from "../net/api.js";
import { bodyOf } from "../lib/wish.js";

const SETTLED_MS = 350; // After the last key stroke.
const OLD_MS = 10_000;
const MOST_ALONE = 60; // Times it asks by itself: ten minutes; then somebody has to want it.

export class Preview {
  #timer = null;
  #call = null;
  #alone = 0;
  asked = null;

  /** `onNews(quotes)` and `onTrouble(problem)` are told what comes of it. */
  constructor(onNews, onTrouble) {
    Object.assign(this, { onNews, onTrouble });
  }

  /** Ask for another order soon. */
  want(wish) {
    this.#alone = 0;
    this.#later(() => this.#ask(wish), SETTLED_MS);
  }

  /** Ask for this order now. */
  now(wish) {
    this.#alone = 0;
    this.#later(() => this.#ask(wish), 0);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#call?.abort();
    this.#call = null;
    this.asked = null;
  }

  #later(what, ms) {
    this.#call?.abort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(what, ms);
  }

  async #ask(wish) {
    if (document.hidden) return this.#later(() => this.#ask(wish), OLD_MS);
    const call = (this.#call = new AbortController());
    let pause = OLD_MS;
    try {
      const quotes = await post("/api/quotes", bodyOf(wish), { signal: call.signal });
      if (call !== this.#call) return undefined;
      this.asked = Date.now();
      this.onNews(quotes);
    } catch (problem) {
      if (call !== this.#call || !(problem instanceof Problem)) return undefined;
      pause = Math.max(OLD_MS, problem.retryAfterMs ?? 0);
      this.onTrouble(problem);
      if (problem.status === 400) return undefined; // It will not get better by itself.
    }
    this.#alone += 1;
    return this.#alone < MOST_ALONE && this.#later(() => this.#ask(wish), pause);
  }
}

/** Return the offers as a list, the best first, and the refusals below. */
export function offers({ quotes, refusals, best }, tokenOut) {
  const ranked = [...quotes].sort((one, other) => compareDecimals(other.netOut, one.netOut));
  const rows = ranked.map((quote) => offer(quote, best && quote.venue === best.venue));
  const refused = refusals.map(({ venue, reason }) =>
    h(
      "li",
      { class: "offer refused" },
      h("span", {}, h("b", {}, venueName(venue)), h("span", { class: "note" }, reason)),
      h("span", { class: "dim" }, "no offer"),
    ),
  );
  return h("ul", { class: "offers", "aria-label": `Offers in ${tokenOut}, net of all fees` }, rows, refused);
}

function offer(quote, won) {
  const pools = quote.legs?.length > 1 ? `, over ${quote.legs.length} pools` : "";
  const fee = quote.feeUnpriced ? "network fee not priced" : `network ${plainly(quote.networkFee, 5)}`;
  return h(
    "li",
    { class: won ? "offer won" : "offer" },
    h(
      "span",
      {},
      h("b", {}, venueName(quote.venue)),
      h(
        "span",
        { class: "note num" },
        `fee ${exact(quote.feeBps)} bps, impact ${bps(quote.priceImpactBps).replace(/^[+±]/, "")} bps, ${fee}${pools}`,
      ),
    ),
    h(
      "span",
      { class: "r num" },
      h("b", { title: exact(quote.netOut) }, amount(quote.netOut, 6)),
      won && h("span", { class: "tag" }, icon("check", 12), "best net"),
    ),
  );
}

/** Return in one sentence what an order would do now. */
export function sentence(wish, { best }, plain) {
  if (!best) return ["No venue offers anything for this worth its fee; an order would fail with NO_ROUTE. ", plain];
  return [
    "Give exactly ",
    h("b", {}, `${exact(wish.amountIn)} ${wish.tokenIn}`),
    ", get at least ",
    h("b", {}, `${amount(best.minOut, 6)} ${wish.tokenOut}`),
    ", or nothing happens. ",
    venueName(best.venue),
    " pays best now; the venues are asked again when the order runs. ",
    plain,
  ];
}
