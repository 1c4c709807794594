/** The orders' way in five lanes: how many are in each, how long they stay, and a dot for each order. */

import { $, fill, h, write } from "../lib/dom.js";
import { count, duration, NONE } from "../lib/format.js";
import { statusIcon } from "../lib/status.js";
import { dots } from "./dots.js";

const LANES = ["pending", "routing", "building", "submitted", "end"];

/** Return what shows the flow: `{news, trouble}` of a look. `pick(status)` is told, null for all. */
export function flow(orders, pick) {
  const root = $("#flow");
  let lanes = build(root, orders, pick);
  const news = (told) => {
    root.hidden = false;
    lanes ??= build(root, orders, pick);
    for (const lane of lanes.all) show(lane, told);
    lanes.paces(told.hops ?? []);
  };
  const trouble = () => {
    lanes?.end();
    lanes = null;
    root.hidden = true; // The figures beside it come from the same look, and tell the trouble.
  };
  return { news, trouble };
}

function build(root, orders, pick) {
  const all = LANES.map((key) => {
    const figure = h("b", { class: "num" }, "0");
    const track = h("span", { class: "lane-track" });
    const below = h("span", { class: "lane-sub num" }, "no figures yet");
    const title = key === "end" ? "Show all orders" : `Show ${key} orders`;
    const node = h(
      "button",
      { class: "lane", type: "button", title, "data-lane": key, onclick: () => pick(key === "end" ? null : key) },
      h("span", { class: "lane-top" }, h("span", { class: "lane-name" }, key), figure),
      track,
      below,
    );
    return { key, node, figure, track, below };
  });
  const canvas = h("canvas", { "aria-hidden": "true" });
  fill(
    root,
    h(
      "div",
      { class: "lanes" },
      all.map(({ node }) => node),
    ),
    canvas,
  );
  const said = (each) => write(all[0].below, each === 1 ? "not yet taken up" : `one dot is ${count(each)} orders`);
  const drawn = dots(
    canvas,
    all.map(({ track }) => track),
    orders,
    said,
  );
  said(1);
  return { all, paces: drawn.paces, end: drawn.end };
}

function show({ key, figure, below }, { open, rates, hops }) {
  if (key === "end") {
    if (!rates) return write(figure, NONE);
    write(figure, `${(rates.confirmed + rates.failed + rates.cancelled + rates.expired).toFixed(1)}/s`);
    return showEnds(below, rates);
  }
  write(figure, open ? count(open[key]) : NONE);
  if (key === "pending") return undefined; // Nobody measures it: it says how many orders a dot is.
  const hop = hops?.find(({ name }) => name === key);
  return write(below, hop?.count ? `p50 ${duration(hop.p50Ms)} · p99 ${duration(hop.p99Ms)}` : "no figures yet");
}

function showEnds(node, rates) {
  const words = `${rates.confirmed.toFixed(1)} ${rates.failed.toFixed(1)}`;
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  fill(
    node,
    [
      ["confirmed", "ok"],
      ["failed", "bad"],
    ].map(([status, tone]) =>
      h(
        "span",
        { class: `rate tone-${tone}`, title: status },
        statusIcon(status, 11),
        h("span", {}, `${rates[status].toFixed(1)}/s`),
        h("span", { class: "sr" }, ` ${status}`),
      ),
    ),
  );
}
