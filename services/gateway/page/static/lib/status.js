/**
 * The status of an order as a shape, a tone and a word. Shape and word tell it; colour only helps.
 *
 * In flight a disc fills up; an end is a solid shape; `unresolved` is a triangle. It is no status
 * of the API but its flag on a submitted order.
 */

import { h, svg } from "./dom.js";

export const FLYING = ["pending", "routing", "building", "submitted"];
export const ENDS = ["confirmed", "failed", "cancelled", "expired"];

const TONES = { confirmed: "ok", failed: "bad", cancelled: "idle", expired: "idle", unresolved: "warn" };
const QUARTERS = { routing: 1, building: 2, submitted: 3 };

export const toneOf = (status) => TONES[status] ?? "run";
export const hasEnded = (order) => ENDS.includes(order.status);

/** Return the status to show for an order. */
export const statusOf = (order) => (order.unresolved && !hasEnded(order) ? "unresolved" : order.status);

const ring = (extra) =>
  svg("circle", { cx: 7, cy: 7, r: 5.6, fill: "none", stroke: "currentColor", "stroke-width": 1.5, ...extra });
const solid = (d) => svg("path", { d, fill: "currentColor", stroke: "currentColor", "stroke-linejoin": "round" });
const cut = (d) => svg("path", { d, class: "cut" });
const line = (d) =>
  svg("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round" });

function slice(quarters) {
  const turn = (quarters * Math.PI) / 2;
  const [x, y] = [7 + 3.5 * Math.sin(turn), 7 - 3.5 * Math.cos(turn)];
  const far = quarters > 2 ? 1 : 0;
  return svg("path", { fill: "currentColor", d: `M7 7V3.500A3.5 3.5 0 ${far} 1 ${x.toFixed(2)} ${y.toFixed(2)}Z` });
}

const SHAPES = {
  pending: () => [ring({ "stroke-dasharray": "2.2 2.2" })],
  confirmed: () => [svg("circle", { cx: 7, cy: 7, r: 6.4, fill: "currentColor" }), cut("m4.3 7.3 1.9 1.9 3.6-4")],
  failed: () => [
    solid("M4.6 1.200h4.800l3.4 3.400v4.800l-3.4 3.400H4.600L1.2 9.400V4.600Z"),
    cut("m4.9 4.9 4.2 4.200m0-4.2-4.2 4.2"),
  ],
  unresolved: () => [solid("M7 1.5 13 12.500H1Z"), cut("M7 5.200v3.200M7 10.600h.01")],
  expired: () => [ring(), line("M7 4v3.200l2 1.3")],
  cancelled: () => [ring(), line("m3.4 10.6 7.2-7.2")],
};

/** Return the glyph of a status; `size` in px. */
export function statusIcon(status, size = 14) {
  const drawn = QUARTERS[status] ? [ring(), slice(QUARTERS[status])] : (SHAPES[status] ?? SHAPES.pending)();
  const props = { viewBox: "0 0 14 14", width: size, height: size, class: `glyph tone-${toneOf(status)}` };
  return svg("svg", { ...props, "aria-hidden": "true" }, drawn);
}

/** Return glyph and word of a status. */
export const chip = (status) =>
  h("span", { class: `chip chip-${toneOf(status)}` }, statusIcon(status), h("span", {}, status));
