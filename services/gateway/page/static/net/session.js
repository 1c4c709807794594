/**
 * Who uses the page: the API key, in this variable and nowhere else. A reload forgets it.
 */

let key = null;
const listeners = new Set();

/** Return the header that names the user, none without a key. */
export const identity = () => (key === null ? {} : { Authorization: `Bearer ${key}` });

export const hasKey = () => key !== null;

/** Take a key; `null` forgets it. */
export function setKey(given) {
  key = given;
}

/** Call back when the gateway lets this page in no more, with the reason in words. */
export const onRefused = (listener) => listeners.add(listener);

/** Tell that the gateway wants a key, or another one. */
export function refused(why) {
  key = null;
  for (const listener of listeners) listener(why);
}
