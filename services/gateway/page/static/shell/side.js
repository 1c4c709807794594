/**
 * The one slot at the side: the rail, an order, or the form. On a narrow screen it lies over the
 * list. Focus goes back to where it was when the slot returns to the rail.
 */

import { $, phone } from "../lib/dom.js";
import { dropPlots } from "../lib/plots.js";

const LABELS = { rail: "Market, quality and system", order: "Order", place: "Place an order" };

let mode = "rail";
let before = null;
let leave = () => {};

export const sideMode = () => mode;

/**
 * Give the slot to `next`; `build(slot)` fills it and may return what ends it.
 */
export function showSide(next, build) {
  const slot = $("#side");
  if (mode === "rail" && next !== "rail") before = document.activeElement;
  leave();
  dropPlots(slot);
  mode = next;
  $("#shell").dataset.side = next;
  slot.setAttribute("aria-label", LABELS[next]);
  delete slot.dataset.orderId;
  slot.replaceChildren();
  leave = build(slot) ?? (() => {});
  if (next === "rail") restore();
}

function restore() {
  const there = before?.isConnected && before !== document.body;
  if (there) before.focus({ preventScroll: true });
  before = null;
}

/** Show one of the phone's views: the list, or a tab of the rail. */
export function setView(key) {
  $("#shell").dataset.view = key === "orders" ? "orders" : "rail";
  for (const button of $("#tabs").children) {
    if (button.dataset.view === key) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

export const isPhone = () => phone.matches;
