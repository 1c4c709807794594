/**
 * Prices and spread by venue, the other pairs, and the wallets.
 *
 * The gateway keeps no history of prices: lines begin when the page was opened, and say so.
 */

import { fill, h, write } from "../lib/dom.js";
import { now } from "../lib/clock.js";
import { age, amount, bps, clock, exact, forDrawing, NONE, venueName } from "../lib/format.js";
import { priceLines, spark } from "../lib/plots.js";
import { section, table } from "./section.js";
import { walletsSection } from "./wallets.js";

const SEEN = 600; // Looks that are remembered: ten minutes.

let wanted = null; // The pair that was chosen last, also while the tab is closed.
const histories = new Map();

/** Build the tab into `body`, and return what ends it. */
export function market(body, shared) {
  const chosen = h("select", {
    class: "pick",
    "aria-label": "Pair",
    hidden: true,
    onchange: () => {
      wanted = chosen.value;
      prices.look.again();
    },
  });
  const at = h("span", { class: "note num" });
  let chart = null;
  const prices = section({
    title: "Prices",
    aside: [chosen, at],
    path: () => (wanted ? `/api/prices?pair=${encodeURIComponent(wanted)}` : "/api/prices"),
    everyMs: 1_000,
    show(node, told) {
      const pair = told.pairs.find((one) => one.pair === wanted) ?? told.pairs[0];
      if (!pair) return fill(node, h("p", { class: "dim" }, "No venue has a pair to show."));
      wanted = pair.pair;
      offer(
        chosen,
        told.pairs.map((one) => one.pair),
      );
      const names = pair.venues.map(({ venue }) => venue).join();
      if (!node.firstChild || chart?.pair !== pair.pair || chart.names !== names) chart = build(node, pair, at);
      return chart.show(pair, told.asOf);
    },
  });
  const others = section({
    title: "All pairs",
    aside: h("span", { class: "note" }, "best of all venues"),
    path: "/api/prices",
    everyMs: 5_000,
    news: (told) =>
      offer(
        chosen,
        told.pairs.map((one) => one.pair),
      ),
    show: (node, told) => fill(node, pairsTable(told.pairs)),
  });
  const wallets = walletsSection(shared);
  fill(body, prices.node, others.node, wallets.node);
  const all = [prices, others, wallets];
  all.forEach(({ look }) => look.start());
  return () => all.forEach(({ look }) => look.stop());
}

// Pairs are only ever added: a look at one pair tells of no others.
function offer(select, pairs) {
  const known = new Set([...select.options].map(({ value }) => value));
  for (const pair of pairs) if (!known.has(pair)) select.append(h("option", { value: pair }, pair.replace("/", " → ")));
  select.hidden = !select.options.length;
  if (select.value !== wanted && pairs.includes(wanted)) select.value = wanted;
}

function build(node, pair, at) {
  const venues = pair.venues.map(({ venue }) => venue);
  const box = h("div", { class: "price-chart" });
  const bids = h("div");
  const spreadBox = h("div", { class: "spread-chart" });
  const spread = h("b", { class: "num" });
  const span = h("span", { class: "note num" });
  const crossed = h("span", { class: "note", title: "One venue bids more than another asks" });
  const size = h("p", { class: "note num" });
  fill(
    node,
    box,
    bids,
    size,
    h("div", { class: "spread-row" }, h("span", {}, "Spread ", spread, " ", crossed), spreadBox, span),
  );
  const history = remembered(pair.pair, venues);
  let hover = null;
  let last = null;
  const words = () => {
    const when = hover === null ? null : history.times[hover];
    write(at, when === null || when === undefined ? "now" : `${clock(when * 1000)} UTC`);
    if (last) fill(bids, venuesTable(last, hover === null ? null : history, hover));
  };
  const draw = priceLines(box, venues, (index) => {
    hover = index;
    words();
  });
  const drawSpread = spark(spreadBox, { fromZero: true });
  const show = (news, asOf) => {
    last = news;
    write(size, `Prices of ${exact(news.size)} ${news.quote}, after the venue's fee.`);
    add(history, news, Date.parse(asOf) / 1000);
    draw([history.times, ...venues.map((venue) => history.bids.get(venue))]);
    drawSpread([history.times, history.spreads]);
    write(spread, news.spreadBps === null ? NONE : `${bps(news.spreadBps).replace(/^\+/, "")} bps`);
    write(crossed, news.spreadBps?.startsWith("-") ? "crossed" : "");
    write(span, `seen for ${age((history.times.at(-1) - history.times[0]) * 1000)}`);
    words();
  };
  return { pair: pair.pair, names: venues.join(), show };
}

function remembered(pair, venues) {
  const history = histories.get(pair) ?? { times: [], bids: new Map(), said: [], spreads: [] };
  histories.set(pair, history);
  for (const venue of venues) {
    if (!history.bids.has(venue))
      history.bids.set(
        venue,
        history.times.map(() => null),
      );
  }
  return history;
}

function add(history, { venues, spreadBps }, at) {
  const { times, bids, spreads, said } = history;
  if (times.length && at <= times.at(-1)) return; // The answer of a look before, still fresh.
  times.push(at);
  spreads.push(forDrawing(spreadBps));
  said.push(venues);
  for (const [venue, values] of bids) values.push(forDrawing(venues.find((one) => one.venue === venue)?.bid ?? null));
  if (times.length <= SEEN) return;
  for (const column of [times, spreads, said, ...bids.values()]) column.shift();
}

function venuesTable(pair, history, index) {
  const venues = history?.said[index] ?? pair.venues;
  const heads = [["Venue"], [`Bid, ${pair.quote}`, "r"], [`Ask, ${pair.quote}`, "r"], ["Age", "r"]];
  const rows = venues.map(({ venue, bid, ask, at, why }, line) => [
    [h("i", { class: `key key-${(line % 4) + 1}` }), venueName(venue)],
    bid === null
      ? h("span", { class: "dim", title: why ?? "" }, why ? "refused" : NONE)
      : price(bid, bid === pair.bestBid && !history),
    ask === null ? NONE : price(ask, ask === pair.bestAsk && !history),
    history || !at ? "" : age(now() - Date.parse(at)),
  ]);
  return table(`Prices of ${pair.base} for ${exact(pair.size)} ${pair.quote}`, heads, rows);
}

const price = (text, best) =>
  h(
    "span",
    { title: exact(text), class: best ? "best" : "" },
    amount(text, 4),
    best && h("span", { class: "sr" }, " (best)"),
  );

function pairsTable(pairs) {
  const heads = [["Pair"], ["Bid", "r"], ["Ask", "r"], ["Spread, bps", "r"]];
  return table(
    "All pairs",
    heads,
    pairs.map(({ pair, bestBid, bestAsk, spreadBps }) => [
      pair.replace("/", " → "),
      bestBid === null ? NONE : price(bestBid, false),
      bestAsk === null ? NONE : price(bestAsk, false),
      spreadBps === null ? NONE : bps(spreadBps).replace(/^\+/, ""),
    ]),
  );
}
