/**
 * Numbers and times as people read them. Pure.
 *
 * Money comes as decimal strings and stays one: it is cut and grouped, never rounded up, never
 * parsed and never computed with. A value that is not known yet is "", one that never comes is "–".
 */

export const NONE = "–";

const group = (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ",");
const small = (digits) => [...String(digits)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

function parts(text) {
  const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return whole === undefined ? null : { sign: sign ? "−" : "", whole, part };
}

/** Return every digit of a decimal string, its thousands grouped: "12,500.000001". */
export function exact(text) {
  const read = parts(text);
  if (!read) return String(text);
  const part = read.part.replace(/0+$/, "");
  return read.sign + group(read.whole) + (part && `.${part}`);
}

/** Return a decimal string with at most `places` decimals: "1,822.46", and "0.0₆1403" for little. */
export function amount(text, places = 4) {
  if (text === null || text === undefined) return NONE;
  const read = parts(text);
  if (!read) return String(text);
  const { sign, whole, part } = read;
  const zeros = /^0*/.exec(part)[0].length;
  if (whole === "0" && zeros === part.length) return "0";
  if (whole === "0" && zeros >= 4) return `${sign}0.0${small(zeros)}${part.slice(zeros, zeros + 4)}`;
  const kept =
    whole === "0"
      ? Math.max(places, zeros + 4)
      : whole.length > 6
        ? 0
        : whole.length > 4
          ? Math.min(2, places)
          : places;
  const cut = part.slice(0, kept);
  return sign + group(whole) + (cut && `.${cut}`);
}

/** Return an amount without the noughts at its end: "6,667". */
export const plainly = (text, places) =>
  amount(text, places)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");

/** Return signed basis points of a decimal string, cut to one decimal: "+1.2", "−3.4", "±0". */
export function bps(text) {
  const read = text === null || text === undefined ? null : parts(String(text));
  if (!read) return text === null || text === undefined ? "" : String(text);
  const cut = `${group(read.whole)}.${(read.part + "0").slice(0, 1)}`;
  return /[1-9]/.test(cut) ? `${read.sign || "+"}${cut}` : "±0";
}

/** Compare two decimal strings by value, as `sort` wants it, without turning them into floats. */
export function compareDecimals(one, other) {
  const [a, b] = [parts(one), parts(other)];
  if (a.sign !== b.sign) return a.sign ? -1 : 1;
  const wide = Math.max(a.whole.length, b.whole.length);
  const key = ({ whole, part }) => `${whole.padStart(wide, "0")}.${part.replace(/0+$/, "")}`;
  const order = key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
  return a.sign ? -order : order;
}

/** Return a whole number with its thousands grouped. */
export const count = (value) => group(String(Math.round(value)));

/** Return milliseconds as a whole number of them; null is no figure yet. */
export const millis = (value) => (value === null || value === undefined ? NONE : count(value));

/** Return how long something took, in the unit that fits: "218 ms", "3.20 s", "1 m 56 s". */
export function duration(ms) {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** Return how old something is, in one unit: "4 s", "12 m", "3 h", "2 d". */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Return the time of day in UTC, "11:13:28", with milliseconds if asked for. */
export const clock = (ms, fine = false) => new Date(ms).toISOString().slice(11, fine ? 23 : 19);

/** Return a day and time in UTC: "2026-01-01 12:00:00.123". */
export const stamp = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 23);

/** Return the beginning and the end of a long id. */
export const short = (id, head = 4, tail = 6) =>
  id.length > head + tail + 1 ? `${id.slice(0, head)}…${id.slice(-tail)}` : id;

/** Return a venue's name for people: "raydium_api" is "Raydium API". */
export const venueName = (venue) =>
  venue ? (venue[0].toUpperCase() + venue.slice(1)).replace(/_api$/, " API").replaceAll("_", " ") : NONE;

/** Return a number for drawing only: where a mark lies on a scale. It is never shown. */
export const forDrawing = (text) => (text === null || text === undefined ? null : Number(text));
