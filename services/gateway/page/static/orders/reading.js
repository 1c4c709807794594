/**
 * Which rows to show while somebody reads: what is in sight does not move.
 *
 * Held, orders change in place, also those that do not match any more, and newer ones wait above.
 * Pure: no document.
 */

import { newestFirst } from "../state/orders.js";

/** Return the rows as they are while nobody reads: unresolved orders first where all are shown. */
export function released(rows, pin) {
  if (!pin) return rows;
  const stuck = rows.filter((order) => order.unresolved && !order.ended);
  return stuck.length ? [...stuck, ...rows.filter((order) => !order.unresolved || order.ended)] : rows;
}

/**
 * Return the rows while somebody reads, and how many others wait.
 *
 * `before` are the rows that were shown, `rows` are those that match now. Only what comes below
 * the last row, an older page, is taken in.
 */
export function held(before, rows) {
  if (!before.length) return { shown: rows, waiting: 0 };
  const known = new Set(before);
  const last = before.at(-1);
  const others = rows.filter((order) => !known.has(order));
  const older = others.filter((order) => newestFirst(order, last) > 0);
  return { shown: older.length ? before.concat(older) : before, waiting: others.length - older.length };
}
