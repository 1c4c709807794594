/**
 * The servers' clock as this page knows it: ages are told by it, not by the browser's.
 *
 * A server's time that arrives is at most as late as the message took, so the latest time heard is
 * the best one; it only ever moves the clock forward, until `setClock` says it anew.
 */

let ahead = 0;

/** Return the servers' time now, in ms since 1970. */
export const now = () => Date.now() + ahead;

/** Take a server's own time at the moment of its answer, as RFC 3339. */
export function setClock(text) {
  const at = Date.parse(text);
  if (!Number.isNaN(at)) ahead = at - Date.now();
}

/** Take the time of something that has happened: the clock cannot be before it. */
export function heard(ms) {
  if (ms - Date.now() > ahead) ahead = ms - Date.now();
}
