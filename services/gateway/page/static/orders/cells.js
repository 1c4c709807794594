/** The cells of a row: which columns there are, and what each says of an order. */

import { h, mark, style, write } from "../lib/dom.js";
import { age, amount, bps, count, duration, exact, NONE, short, venueName } from "../lib/format.js";
import { chip, statusOf, toneOf } from "../lib/status.js";

const FULL_BAR_MS = 4_000; // An order that takes longer fills its bar.
const WRITTEN_OUT_MS = 100_000;

export const COLUMNS = [
  ["status", "Status"],
  ["pair", "Pair"],
  ["in", "In"],
  ["arrow", ""],
  ["out", "Out"],
  ["price", "Price"],
  ["bps", "vs quote, bps"],
  ["venue", "Venue"],
  ["bar", "Time"],
  ["ms", "Elapsed ms"],
  ["age", "Age"],
  ["id", "Order"],
];
const RIGHT = new Set(["in", "out", "price", "bps", "ms", "age"]);
const classOf = (name) => `cell c-${name}${RIGHT.has(name) ? " r num" : ""}`;

/** Return the row of headings. */
export const heading = () =>
  h(
    "div",
    { class: "row head", role: "row", "aria-rowindex": 1 },
    COLUMNS.map(([name, title]) =>
      h("div", { class: classOf(name), role: "columnheader" }, title || h("span", { class: "sr" }, "to")),
    ),
  );

/** Return a new row without an order, and its cells by name. */
export function blankRow(onclick) {
  const cells = Object.fromEntries(
    COLUMNS.map(([name]) => [name, h("div", { class: classOf(name), role: "gridcell" })]),
  );
  cells.from = h("b");
  cells.to = h("b");
  cells.pair.append(cells.from, h("span", { class: "to" }, "→"), cells.to);
  cells.arrow.append("→");
  cells.code = h("span", { class: "mono" });
  cells.id.append(cells.code);
  cells.fill = h("i");
  cells.bar.append(h("span", { class: "bar", "aria-hidden": "true" }, cells.fill));
  const node = h(
    "div",
    { class: "row", role: "row", onclick },
    COLUMNS.map(([name]) => cells[name]),
  );
  return { node, cells, order: null, version: 0, status: null };
}

/** Write into a row what only a new version of its order changes. */
export function writeOrder(row, order) {
  const { cells, node } = row;
  if (row.order !== order) {
    node.id = `order-${order.orderId}`;
    node.dataset.orderId = order.orderId;
    write(cells.from, order.tokenIn);
    write(cells.to, order.tokenOut);
    write(cells.in, amount(order.amountIn));
    cells.in.title = `${exact(order.amountIn)} ${order.tokenIn}`;
    write(cells.code, short(order.orderId));
    cells.id.title = order.orderId;
  }
  row.order = order;
  row.version = order.version;
  writeStatus(row, statusOf(order));
  writeOutcome(cells, order);
}

function writeStatus(row, status) {
  if (row.status === status) return;
  row.status = status;
  row.cells.status.replaceChildren(chip(status));
  row.node.dataset.status = status;
  row.node.dataset.tone = toneOf(status);
}

function writeOutcome(cells, order) {
  const never = order.ended ? NONE : "";
  const landed = order.amountOut !== null;
  const least = !order.ended && order.minOut !== null;
  write(cells.out, landed ? amount(order.amountOut) : least ? `≥ ${amount(order.minOut)}` : never);
  cells.out.title = landed ? `${exact(order.amountOut)} ${order.tokenOut}` : least ? "The least that it may pay" : "";
  cells.out.classList.toggle("dim", !landed);
  write(cells.price, order.price === null ? never : amount(order.price));
  cells.price.title = order.price === null ? "" : `${exact(order.price)} ${order.tokenOut} per ${order.tokenIn}`;
  write(cells.bps, bps(order.vsQuoteBps) || never);
  write(cells.venue, order.venue === null ? never : venueName(order.venue));
}

/** Write into a row what changes by itself as time goes on. `narrow` names the unit in the cell. */
export function writeTimes(row, now, narrow) {
  const { cells, order } = row;
  const spent = Math.max(0, (order.ended ? order.changedAt : now) - order.at);
  const words = spent >= WRITTEN_OUT_MS ? duration(spent) : narrow ? `${count(spent)} ms` : count(spent);
  write(cells.ms, words);
  write(cells.age, age(now - order.at));
  style(cells.fill, { "--w": `${Math.min(100, (spent / FULL_BAR_MS) * 100).toFixed(1)}%` });
}

/** Show whether a row is the chosen one. */
export const writeChosen = (row, chosen) => mark(row.node, "aria-selected", chosen ? "true" : "false");
