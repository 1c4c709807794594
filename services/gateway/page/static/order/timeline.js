/** An order's events on one scale of time: the length of a bar is the time since the event before. */

import { h, style, write } from "../lib/dom.js";
import { clock, duration } from "../lib/format.js";
import { statusIcon, statusOf } from "../lib/status.js";
import { eventName, said } from "./words.js";

const LEAST_MS = 300; // A shorter scale would make a drama of milliseconds.
const STEPS_MS = [
  50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
];
const MOST_TICKS = 6;

/** Return a timeline whose `show(order, events, now)` draws it. */
export function timeline() {
  const total = h("b", { class: "num total" });
  const list = h("ol", { class: "timeline" });
  const node = h(
    "section",
    { class: "sec", "aria-label": "Timeline" },
    h("h3", {}, "Timeline", h("span", { class: "note" }, "drawn to scale"), h("span", { class: "grow" }), total),
    list,
  );
  return { node, show: (order, events, now) => show({ total, list }, order, events, now) };
}

function show({ total, list }, order, events, now) {
  if (!events.length) return;
  const start = Date.parse(events[0].at);
  const at = events.map((event) => Date.parse(event.at) - start);
  const end = order.ended ? at.at(-1) : Math.max(now - start, at.at(-1));
  const span = Math.max(end, LEAST_MS) * 1.02;
  const step = STEPS_MS.find((one) => span / one <= MOST_TICKS) ?? span / MOST_TICKS;
  write(total, duration(end));
  style(list, { "--step": share(step, span) });
  const rows = events.map((event, index) => row(event, index, at, span, start));
  if (!order.ended) rows.push(waiting(order, at.at(-1), end, span));
  list.replaceChildren(axis(span, step), ...rows);
}

const share = (ms, span) => `${((ms / span) * 100).toFixed(3)}%`;

function axis(span, step) {
  const ticks = [];
  for (let at = 0; at < span; at += step) {
    const words = at === 0 ? "0" : at < 1000 ? `${at} ms` : at < 60_000 ? `${at / 1000} s` : `${at / 60_000} m`;
    ticks.push(h("i", { vars: { "--x": share(at, span) }, class: at / span > 0.9 ? "late" : "" }, words));
  }
  return h("li", { class: "axis", "aria-hidden": "true" }, h("span", { class: "ticks" }, ticks));
}

function row(event, index, at, span, start) {
  const from = index ? at[index - 1] : 0;
  return h(
    "li",
    { class: "event", "data-type": event.type },
    h("span", { class: "event-version num" }, String(event.version)),
    h(
      "span",
      { class: "event-what" },
      h("b", { title: event.type }, eventName(event.type)),
      h("span", { title: said(event) }, said(event)),
    ),
    bar(`is-${event.status}`, from, at[index], span),
    h(
      "span",
      { class: "event-time num" },
      h("b", {}, index ? `+${duration(at[index] - from)}` : clock(start)),
      h("span", {}, index ? duration(at[index]) : "UTC"),
    ),
  );
}

function waiting(order, from, end, span) {
  const words = order.status === "submitted" ? "for the chain" : "for the next step";
  return h(
    "li",
    { class: "event" },
    h("span", { class: "event-version" }, statusIcon(statusOf(order), 13)),
    h("span", { class: "event-what" }, h("b", {}, "Waiting"), h("span", {}, words)),
    bar("is-waiting", from, end, span),
    h("span", { class: "event-time num" }, h("b", {}, `+${duration(end - from)}`), h("span", {}, "so far")),
  );
}

const bar = (kind, from, to, span) =>
  h(
    "span",
    { class: "event-bar", "aria-hidden": "true" },
    h("i", { class: kind, vars: { "--x": share(from, span), "--w": share(to - from, span) } }),
  );
