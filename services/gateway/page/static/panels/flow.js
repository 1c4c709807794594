/** The orders' way in five lanes: how many are in each, how long they stay, and a dot for each order. */

import { $, fill, h, write } from "../lib/dom.js";
import { count, duration } from "../lib/format.js";
import { statusIcon } from "../lib/status.js";
import { failure } from "../shell/failure.js";
import { dots } from "./dots.js";

const LANES = ["pending", "routing", "building", "submitted", "end"];
// The server measures from one status to the next; `building` ends when the bytes are sent.
const HOPS = { pending: "pending", routing: "routing", building: "building", submitted: "submitted" };

/** Return what shows the flow: `{news, trouble}` of a look. `pick(status)` is told, null for all. */
export function flow(orders, pick) {
  const root = $("#flow");
  let lanes = build(root, orders, pick);
  const news = (told) => {
    lanes ??= build(root, orders, pick);
    for (const lane of lanes.all) show(lane, told);
    lanes.paces(told.hops);
  };
  const trouble = (problem, at) => {
    lanes?.end();
    lanes = null;
    fill(root, h("div", { class: "whole" }, failure({ title: "The flow of orders is not known", problem, at, brief: true })));
  };
  return { news, trouble };
}

function build(root, orders, pick) {
  const all = LANES.map((key) => {
    const figure = h("b", { class: "num" }, "0");
    const track = h("span", { class: "lane-track" });
    const below = h("span", { class: "lane-sub num" }, "no figures yet");
    const title = key === "end" ? "Show all orders" : `Show ${key} orders`;
    const node = h("button", { class: "lane", type: "button", title, "data-lane": key, onclick: () => pick(key === "end" ? null : key) }, h("span", { class: "lane-top" }, h("span", { class: "lane-name" }, key), figure), track, below);
    return { key, node, figure, track, below };
  });
  const canvas = h("canvas", { "aria-hidden": "true" });
  const beyond = h("span", { class: "flow-note num", hidden: true });
  fill(root, h("div", { class: "lanes" }, all.map(({ node }) => node)), canvas, beyond);
  const drawn = dots(canvas, all.map(({ track }) => track), orders, (each) => {
    beyond.hidden = each === 1;
    write(beyond, `one dot is ${count(each)} orders`);
  });
  return { all, paces: drawn.paces, end: drawn.end };
}

function show({ key, figure, below }, { open, rates, hops }) {
  if (key === "end") {
    write(figure, `${(rates.confirmed + rates.failed + rates.cancelled + rates.expired).toFixed(1)}/s`);
    showEnds(below, rates);
    return;
  }
  write(figure, count(open[key]));
  const hop = hops.find(({ name }) => name === HOPS[key]);
  write(below, hop?.count ? `p50 ${duration(hop.p50Ms)} · p99 ${duration(hop.p99Ms)}` : key === "pending" ? "not yet taken up" : "no figures yet");
}

function showEnds(node, rates) {
  const words = `${rates.confirmed.toFixed(1)} ${rates.failed.toFixed(1)}`;
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  fill(
    node,
    [["confirmed", "ok"], ["failed", "bad"]].map(([status, tone]) =>
      h("span", { class: `rate tone-${tone}`, title: status }, statusIcon(status, 11), h("span", {}, `${rates[status].toFixed(1)}/s`), h("span", { class: "sr" }, ` ${status}`)),
    ),
  );
}
