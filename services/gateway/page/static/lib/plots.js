/**
 * Streams of numbers over time, drawn by uPlot on a canvas each.
 *
 * A canvas is hidden from screen readers: the figure beside it says the same. Colours are read from
 * the theme whenever one is drawn.
 */

import { css } from "./dom.js";

const live = new Set();
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.fit?.();
});

/** Draw every plot anew, in the colours of the theme. */
export const redrawAll = () => live.forEach((plot) => plot.redraw(false));

/** End the plots below a node. */
export function dropPlots(node) {
  for (const plot of [...live]) {
    if (!node.contains(plot.root)) continue;
    sizes.unobserve(plot.root.parentElement);
    plot.destroy();
    live.delete(plot);
  }
}

function plotted(box, options, columns, least) {
  const size = () => ({ width: Math.max(least[0], box.clientWidth), height: Math.max(least[1], box.clientHeight) });
  const plot = new uPlot({ ...size(), legend: { show: false }, ...options }, columns, box);
  box.setAttribute("aria-hidden", "true");
  box.fit = () => {
    const { width, height } = size();
    if (width !== plot.width || height !== plot.height) plot.setSize({ width, height });
  };
  live.add(plot);
  sizes.observe(box);
  return plot;
}

/**
 * Draw a sparkline into a box, and return what takes new columns `[xs, ys]`. `tone` is the name of
 * a colour that has a `-soft` one; `fromZero` keeps 0 in sight.
 */
export function spark(box, { tone = "--accent", fromZero = false } = {}) {
  const range = (_plot, low, high) => {
    if (low === null) return [0, 1];
    const room = (high - low || Math.abs(high) * 0.1 || 1) * 0.15;
    return [fromZero ? Math.min(0, low - (low < 0 ? room : 0)) : low - room, high + room];
  };
  const line = { stroke: () => css(tone), fill: () => css(`${tone}-soft`), width: 1.25, points: { show: false } };
  const options = {
    padding: [2, 0, 1, 0],
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false }, y: { range } },
    series: [{}, line],
  };
  const plot = plotted(box, options, [[], []], [40, 16]);
  return (columns) => plot.setData(columns);
}

const LINES = [
  { stroke: "--line-1", dash: [] },
  { stroke: "--line-2nd", dash: [5, 3] },
  { stroke: "--line-3rd", dash: [1.5, 2.5] },
  { stroke: "--line-4th", dash: [8, 3, 2, 3] },
];
const TIME = { wide: 19, narrow: 16 }; // Ends of "2026-01-01T12:00:00Z" with and without seconds.

/**
 * Draw prices of several venues over time, and return what takes new columns `[times, ...prices]`,
 * times in s. `onHover(index | null)` tells which moment the pointer is at.
 */
export function priceLines(box, venues, onHover) {
  const axis = {
    stroke: () => css("--ink-3"),
    font: "11px system-ui, sans-serif",
    ticks: { show: false },
    grid: { stroke: () => css("--line"), width: 1 },
  };
  const times = (plot, ticks) => {
    const end = ticks.length > 1 && ticks[1] - ticks[0] < 60 ? TIME.wide : TIME.narrow;
    return ticks.map((tick) => (roomAt(plot, tick) ? new Date(tick * 1000).toISOString().slice(11, end) : ""));
  };
  const labels = (_plot, ticks) =>
    ticks.map((tick) =>
      tick
        .toPrecision(6)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, ""),
    );
  const series = venues.map((_venue, index) => {
    const { stroke, dash } = LINES[index % LINES.length];
    return { stroke: () => css(stroke), dash, width: 1.5, points: { show: false }, spanGaps: false };
  });
  const options = {
    padding: [8, 8, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false }, y: false },
    axes: [
      { ...axis, size: 22, gap: 4, space: 70, values: times, grid: { show: false } },
      { ...axis, side: 1, size: 60, gap: 6, space: 34, values: labels },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [(plot) => onHover(plot.cursor.left >= 0 ? plot.cursor.idx : null)] },
  };
  const plot = plotted(box, options, [[], ...venues.map(() => [])], [120, 80]);
  return (columns) => plot.setData(columns);
}

function roomAt(plot, tick) {
  const x = plot.valToPos(tick, "x");
  return x > 26 && x < plot.over.clientWidth - 18;
}
