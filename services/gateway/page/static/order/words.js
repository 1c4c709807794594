/** Events in words: one short line each, from the event's own fields. Pure. */

import { amount, exact, venueName } from "../lib/format.js";

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const SAID = {
  OrderSubmitted: () => "Accepted and on the log",
  RoutingStarted: () => "The venues are asked for quotes",
  OrderRouted: ({ route, quotes, refusals }) =>
    `${venueName(route.quote.venue)} won; ${plural(quotes.length, "quote")}${refusals.length ? `, ${plural(refusals.length, "refusal")}` : ""}`,
  RouteExpired: () => "The quote went stale unsigned",
  TransactionSigned: () => "Only the chain can end it now",
  TransactionSent: ({ venue }) => `${venueName(venue)} took the bytes`,
  OrderUnresolved: () => "The chain gave no answer in time",
  TransactionExpired: () => "Proven: it can never land",
  CancelRequested: () => "If it expires, none follows",
  OrderConfirmed: ({ receipt }) => (receipt ? `Paid ${amount(receipt.amountOut, 6)}` : "The swap landed"),
  OrderFailed: ({ reason }) => reason,
  OrderCancelled: () => "Withdrawn before signing",
  OrderExpired: () => "Its deadline passed",
  OutcomeContradicted: ({ kind }) => `The chain says otherwise: ${kind ?? "landed"}`,
};

/** Return what an event says, "" for a type that this page does not know yet. */
export function said(event) {
  try {
    return SAID[event.type]?.(event) ?? "";
  } catch {
    return ""; // A field that a later version left out.
  }
}

/** Return the short name of an event: "Order routed" of `OrderRouted`. */
export const eventName = (type) => type.replace(/(?<=[a-z])(?=[A-Z])/g, " ").replace(/ ./g, (two) => two.toLowerCase());

/** Return what the order is about: the amounts that it gives and gets. */
export function amounts(order) {
  const gets = order.amountOut === null ? order.tokenOut : `${amount(order.amountOut, 6)} ${order.tokenOut}`;
  return { gives: `${exact(order.amountIn)} ${order.tokenIn}`, gets };
}

/** Return the refusals of the last routing: from the order, or from its events. */
export function refusalsOf(order, events) {
  if (order.refusals) return order.refusals;
  return events.findLast((event) => event.type === "OrderRouted" || event.refusals)?.refusals ?? [];
}
