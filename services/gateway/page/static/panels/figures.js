/** Five figures of now, four of them with their last two minutes beside them. */

import { $, fill, h, mark, write } from "../lib/dom.js";
import { count, millis, NONE } from "../lib/format.js";
import { spark } from "../lib/plots.js";
import { failure } from "../shell/failure.js";

const SECONDS = 120;

// Any part is null while its server does not answer.
const total = (open) => open && open.pending + open.routing + open.building + open.submitted;
const hop = ({ hops }, name) => hops?.find((one) => one.name === name);
const whole = (value) => (value === null || value === undefined ? NONE : count(value));
const rate = (value) => (value === null || value === undefined ? NONE : value.toFixed(value < 100 ? 1 : 0));

const FIGURES = [
  {
    key: "rate",
    name: "Orders",
    unit: "/s",
    now: (flow) => rate(flow.rates?.submitted),
    past: ({ history }) => history?.submitted,
    fromZero: true,
  },
  {
    key: "p50",
    name: "p50 to confirmed",
    unit: "ms",
    now: (flow) => millis(hop(flow, "total")?.p50Ms),
    past: ({ history }) => history?.p50Ms,
  },
  {
    key: "p99",
    name: "p99 to confirmed",
    unit: "ms",
    now: (flow) => millis(hop(flow, "total")?.p99Ms),
    past: ({ history }) => history?.p99Ms,
  },
  {
    key: "open",
    name: "Open",
    unit: "",
    now: ({ open }) => whole(total(open)),
    filter: "flight",
    fromZero: true,
    own: ({ open }) => total(open),
  },
  {
    key: "unresolved",
    name: "Unresolved",
    unit: "",
    now: ({ open }) => whole(open?.unresolved),
    filter: "unresolved",
    fromZero: true,
    own: ({ open }) => open?.unresolved ?? null,
  },
];

/** Return what shows the figures: `{news, trouble}` of a look. `pick(filter)` is told. */
export function figures(pick) {
  const root = $("#figures");
  let cells = null;
  const news = (flow) => {
    cells ??= build(root, pick);
    for (const cell of cells) show(cell, flow);
  };
  const trouble = (problem, at) => {
    cells = null;
    root.dataset.state = "trouble";
    fill(
      root,
      h(
        "div",
        { class: "whole" },
        failure({
          title: "Figures and flow are not known",
          still: "Orders run all the same.",
          problem,
          at,
          brief: true,
        }),
      ),
    );
  };
  cells = build(root, pick);
  return { news, trouble };
}

function build(root, pick) {
  delete root.dataset.state;
  const cells = FIGURES.map((figure) => {
    const value = h("span", { class: "figure-value num" }, NONE);
    const unit = h("span", { class: "figure-unit", hidden: true }, figure.unit);
    const box = h("span", { class: "figure-spark" });
    const inside = [
      h("span", { class: "figure-name" }, figure.name),
      h("span", { class: "figure-row" }, value, unit),
      box,
    ];
    const props = { class: "figure", "data-figure": figure.key };
    const node = figure.filter
      ? h("button", { ...props, type: "button", onclick: () => pick(figure.filter) }, inside)
      : h("div", props, inside);
    return { figure, node, value, unit, box, seen: [] };
  });
  fill(
    root,
    cells.map(({ node }) => node),
  );
  for (const cell of cells)
    cell.draw = spark(cell.box, {
      tone: cell.figure.key === "unresolved" ? "--warn" : "--accent",
      fromZero: cell.figure.fromZero,
    });
  return cells;
}

function show(cell, flow) {
  const { figure, node, value, unit, draw, seen } = cell;
  const text = figure.now(flow);
  write(value, text);
  unit.hidden = text === NONE;
  mark(node, "data-hot", figure.key === "unresolved" && flow.open?.unresolved > 0 ? "" : null);
  node.title = flow.notes?.join(" ") || (figure.filter ? "Show these orders" : "");
  const past = (figure.past ? figure.past(flow) : remembered(seen, figure.own(flow))) ?? [];
  draw([past.map((_value, index) => index), past]);
}

// The server keeps no history of these: the line begins when the page was opened.
function remembered(seen, value) {
  if (!seen.length) seen.push(...Array(SECONDS - 1).fill(null));
  seen.push(value);
  if (seen.length > SECONDS) seen.shift();
  return seen;
}
