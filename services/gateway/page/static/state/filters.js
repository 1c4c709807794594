/** The filters of the list: each as a question to the API, and as a judgement of a known order. */

import { FLYING } from "../lib/status.js";

const of = (name, query, matches) => ({ name, query, matches });
const is =
  (...statuses) =>
  (order) =>
    statuses.includes(order.status);

export const FILTERS = {
  all: of("All", {}, () => true),
  flight: of("In flight", { status: FLYING.join() }, (order) => !order.ended),
  unresolved: of("Unresolved", { unresolved: "true" }, (order) => order.unresolved && !order.ended),
  confirmed: of("Confirmed", { status: "confirmed" }, is("confirmed")),
  failed: of("Failed", { status: "failed" }, is("failed")),
  stopped: of("Cancelled, expired", { status: "cancelled,expired" }, is("cancelled", "expired")),
};

/** Return a filter for one status, as the lanes have it. */
export const ofStatus = (status) => of(status, { status }, is(status));

/** Return the filter narrowed to a venue; none for "". */
export function onVenue(filter, venue) {
  if (!venue) return filter;
  return of(filter.name, { ...filter.query, venue }, (order) => order.venue === venue && filter.matches(order));
}
