/**
 * Whether this page is live: `opening`, `live`, or `away` with the time of the next try.
 *
 * Away, the gateway may still answer calls (`reachable`): then actions work, and only news is late.
 */

import { now } from "../lib/clock.js";
import { root } from "../lib/dom.js";

const listeners = new Set();

export const link = { state: "opening", since: Date.now(), asOf: now(), again: null, why: "", reachable: true };

/** Whether an action makes sense now. */
export const canAct = () => link.state !== "away" || link.reachable;

/** Return the time of what is shown, in ms by the servers' clock: it stands while the link is away. */
export const shownAt = () => (link.state === "away" ? Math.min(now(), link.asOf) : now());

/** Call back upon every change. */
export const onLink = (listener) => listeners.add(listener);

/** Change what is known of the link. */
export function setLink(change) {
  if (change.state && change.state !== link.state) {
    link.since = Date.now();
    link.asOf = now();
  }
  Object.assign(link, change);
  root.dataset.link = link.state === "away" ? (link.reachable ? "late" : "off") : link.state;
  for (const button of document.querySelectorAll("[data-acts]")) judge(button);
  for (const listener of listeners) listener(link);
}

/** Return a button that acts on orders as one that waits while the gateway is away. */
export function acts(button) {
  button.dataset.acts = "";
  judge(button);
  return button;
}

function judge(button) {
  button.setAttribute("aria-disabled", String(!canAct()));
  if (canAct()) button.removeAttribute("data-waits");
  else button.dataset.waits = "";
}
