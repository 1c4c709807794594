/** How well orders were executed, venue by venue: quoted against realised, landing, failures, and the venues' record. */

import { fill, h } from "../lib/dom.js";
import { bps, clock, count, duration, forDrawing, millis, NONE, venueName } from "../lib/format.js";
import { statusIcon } from "../lib/status.js";
import { section, table } from "./section.js";

const LEAST_SCALE_BPS = 10;
const STATES = { up: "confirmed", halfOpen: "pending", open: "failed" };
const SAID = { up: "up", halfOpen: "on trial", open: "passed over" };

/** Build the tab into `body`, and return what ends it. */
export function quality(body, shared) {
  const span = h("span", { class: "note num" });
  const realised = section({
    title: "Quoted against realised",
    aside: span,
    path: "/api/quality",
    everyMs: 10_000,
    show(node, told) {
      if (!told.venues) {
        span.textContent = "";
        return fill(node, h("p", { class: "dim" }, told.notes.join(" ")));
      }
      span.textContent = `${count(told.orders)} since ${clock(Date.parse(told.since)).slice(0, 5)} UTC`;
      return fill(node, told.orders ? all(told) : h("p", { class: "dim" }, "No order has ended in this time."));
    },
  });
  const record = section({
    title: "Venues",
    aside: h("span", { class: "note" }, "as the routers find them"),
    path: "/api/venues",
    everyMs: 5_000,
    news: ({ venues }) => shared.venues(venues.map(({ name }) => name)),
    show: (node, { venues }) => fill(node, recordTable(venues)),
  });
  fill(body, realised.node, record.node);
  realised.look.start();
  record.look.start();
  return () => {
    realised.look.stop();
    record.look.stop();
  };
}

function all({ venues, truncated, notes = [] }) {
  const used = venues.filter(({ confirmed, failed }) => confirmed + failed > 0);
  return [
    realisedTable(used),
    h(
      "p",
      { class: "note" },
      "Above 0 the chain paid more than was quoted. Line: 5 % to 95 % of the swaps; mark: the median.",
      truncated && " The time holds more orders than are read; these are the newest.",
      notes.map((text) => ` ${text}`),
    ),
    h("h3", { class: "sub" }, "Time to the end", h("span", { class: "note" }, "placed to confirmed")),
    table(
      "Time to the end",
      [["Venue"], ["p50", "r"], ["p99", "r"], ["Confirmed", "r"], ["Failed", "r"]],
      used.map(tookRow),
    ),
    failures(used),
  ];
}

// Orders that failed before they were routed have none.
const nameOf = (venue) => (venue ? venueName(venue) : "no venue");

const tookRow = ({ venue, tookMs, confirmed, failed }) => [
  nameOf(venue),
  tookMs?.p50 === null || !tookMs ? NONE : duration(tookMs.p50),
  tookMs?.p99 === null || !tookMs ? NONE : duration(tookMs.p99),
  count(confirmed),
  count(failed),
];

function realisedTable(venues) {
  const ends = venues
    .flatMap(({ vsQuoteBps }) => (vsQuoteBps ? [vsQuoteBps.p5, vsQuoteBps.p95] : []))
    .map(forDrawing)
    .map(Math.abs);
  const scale = Math.max(LEAST_SCALE_BPS, ...ends.filter(Number.isFinite)) * 1.1;
  const edge = Math.round(scale);
  const routed = venues.filter(({ venue }) => venue);
  const rows = routed.map(({ venue, vsQuoteBps }, line) => [
    [h("i", { class: `key key-${(line % 4) + 1}` }), venueName(venue)],
    vsQuoteBps?.p50 == null ? NONE : bps(vsQuoteBps.p50),
    vsQuoteBps?.p50 == null ? "" : whisker(vsQuoteBps, scale),
  ]);
  return table("Quoted against realised", [["Venue"], ["Median, bps", "r"], [`−${edge} … +${edge} bps`, "mid"]], rows);
}

function whisker({ p5, p50, p95 }, scale) {
  const at = (text) => `${(50 + (forDrawing(text) / scale) * 50).toFixed(1)}%`;
  const said = `5 % at ${bps(p5)}, median ${bps(p50)}, 95 % at ${bps(p95)} bps`;
  return h(
    "span",
    {
      class: "whisker",
      role: "img",
      "aria-label": said,
      title: said,
      vars: { "--low": at(p5), "--mid": at(p50), "--high": at(p95) },
    },
    h("i"),
    h("i"),
    h("i"),
  );
}

function failures(venues) {
  const reasons = new Map();
  for (const { fails } of venues)
    for (const [reason, number] of Object.entries(fails ?? {}))
      reasons.set(reason, (reasons.get(reason) ?? 0) + number);
  if (!reasons.size) return null;
  const sorted = [...reasons].sort(([, one], [, other]) => other - one);
  const most = sorted[0][1];
  return [
    h("h3", { class: "sub" }, "Why orders failed"),
    h(
      "ul",
      { class: "bars" },
      sorted.map(([reason, number]) =>
        h(
          "li",
          {},
          h("span", { class: "bars-top" }, h("code", {}, reason), h("b", { class: "num" }, count(number))),
          h("span", { class: "bars-bar", "aria-hidden": "true", vars: { "--w": `${(number / most) * 100}%` } }),
        ),
      ),
    ),
  ];
}

function recordTable(venues) {
  const heads = [["Venue"], ["State"], ["Quote p50", "r"], ["Won", "r"], ["Landed", "r"]];
  const rows = venues.map(({ name, state, why, quotes, won, landed, discountBps }) => [
    venueName(name),
    h(
      "span",
      { class: "state", title: why || SAID[state] },
      statusIcon(STATES[state], 12),
      SAID[state],
      discountBps > 0 && h("span", { class: "note" }, `−${discountBps} bps`),
    ),
    quotes.p50Ms === null ? NONE : `${millis(quotes.p50Ms)} ms`,
    count(won),
    count(landed),
  ]);
  return [
    table("Venues", heads, rows),
    h("p", { class: "note" }, "Counts of all replicas; each halves every ten minutes."),
  ];
}
