/**
 * Why this venue won: every quote and refusal of the last routing, and what was offered, promised
 * and paid on one scale. All amounts and margins are the server's.
 */

import { h } from "../lib/dom.js";
import { amount, bps, exact, forDrawing, plainly, venueName } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { refusalsOf } from "./words.js";

/** Return the section, null before the order was routed. */
export function quotesSection(order, events) {
  const refusals = refusalsOf(order, events);
  if (!order.quotes?.length && !refusals.length) return null;
  const route = order.route;
  const ranked = (order.quotes ?? []).map((quote) => quoteCard(quote, order, quote.venue === order.venue));
  return h(
    "section",
    { class: "sec", "aria-label": "Quotes" },
    h(
      "h3",
      {},
      order.venue ? `Why ${venueName(order.venue)}` : "Quotes",
      h(
        "span",
        { class: "note num" },
        route?.marginBps
          ? `${bps(route.marginBps)} bps over ${venueName(route.runnerUp)}`
          : "asked at once; the best net amount wins",
      ),
    ),
    route && h("p", { class: "why" }, route.why),
    h("div", { class: "quotes" }, ranked),
    refusals.length > 0 &&
      h(
        "ul",
        { class: "refusals" },
        refusals.map(({ venue, reason }) => h("li", {}, h("b", {}, venueName(venue)), " offered nothing: ", reason)),
      ),
    ladder(order),
  );
}

function quoteCard(quote, order, won) {
  const net = quote.netOut ?? null;
  return h(
    "div",
    { class: won ? "quote won" : "quote", "data-venue": quote.venue },
    h(
      "div",
      { class: "quote-top" },
      h("b", {}, venueName(quote.venue)),
      won && h("span", { class: "tag" }, icon("check", 12), "Won"),
    ),
    h(
      "div",
      { class: "quote-net num", title: exact(net ?? quote.amountOut) },
      amount(net ?? quote.amountOut, 6),
      h("small", {}, ` ${order.tokenOut}${net === null ? "" : " net"}`),
    ),
    h(
      "dl",
      { class: "kv num" },
      net !== null && pair("Out", amount(quote.amountOut, 6)),
      pair("Network fee", quote.feeUnpriced ? "not priced" : `− ${plainly(quote.networkFee, 6)}`),
      pair("Venue fee", `${exact(quote.feeBps)} bps`),
      pair("Price impact", `${bps(quote.priceImpactBps).replace(/^[+±]/, "")} bps`),
      quote.legs?.map((leg) => pair(`via ${venueName(leg.venue)}`, `${amount(leg.amountIn, 4)} ${order.tokenIn}`)),
    ),
  );
}

const pair = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function marksOf(order) {
  const quotes = order.quotes.map((quote) => ({
    kind: quote.venue === order.venue ? "won" : "lost",
    label: venueName(quote.venue),
    text: quote.netOut ?? quote.amountOut,
  }));
  const least = order.minOut === null ? [] : [{ kind: "least", label: "min out", text: order.minOut, below: true }];
  const paid =
    order.amountOut === null ? [] : [{ kind: "paid", label: "received", text: order.amountOut, below: true }];
  return [...least, ...quotes, ...paid];
}

const MOST_MARKS = 6; // More labels than this would lie over each other.

function ladder(order) {
  const marks = order.quotes?.length ? marksOf(order).map((mark) => ({ ...mark, value: forDrawing(mark.text) })) : [];
  if (marks.length < 2 || marks.length > MOST_MARKS) return null;
  const [low, high] = [Math.min(...marks.map(({ value }) => value)), Math.max(...marks.map(({ value }) => value))];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
  const at = (value) => (value - low + room) / (high - low + 2 * room);
  const said = marks.map(({ label, text }) => `${label} ${amount(text, 6)}`).join(", ");
  return h(
    "div",
    { class: "ladder", role: "img", "aria-label": `On one scale, in ${order.tokenOut}: ${said}` },
    h("div", { class: "ladder-line" }),
    spread(
      marks.filter(({ below }) => !below),
      at,
    ),
    spread(
      marks.filter(({ below }) => below),
      at,
    ),
  );
}

// Labels of one side that would lie over each other are put into two lines.
function spread(marks, at) {
  const sorted = marks.map((mark) => ({ ...mark, x: at(mark.value) })).sort((one, other) => one.x - other.x);
  let last = -1;
  let high = false;
  return sorted.map(({ kind, label, text, below, x }) => {
    high = x - last < 0.3 && !high;
    last = x;
    const to = x > 0.68 ? "to-left" : x < 0.32 ? "to-right" : "";
    return h(
      "div",
      {
        class: `mark mark-${kind} ${below ? "below" : "above"} ${to} ${high ? "far" : ""}`,
        vars: { "--x": `${(x * 100).toFixed(2)}%` },
      },
      h("i"),
      h("span", {}, label, " ", h("b", {}, amount(text, 4))),
    );
  });
}
