/** The facts of an order, in whole numbers, and its raw events. */

import { h } from "../lib/dom.js";
import { bps, exact, short, stamp } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { copyButton } from "../lib/notes.js";
import { percent } from "../lib/wish.js";
import { explorer } from "../shell/network.js";

/** Return the section of facts; those that are not known yet are left out. */
export function factsSection(order, events) {
  const trace = events[0]?.traceparent?.split("-")[1];
  return h(
    "section",
    { class: "sec", "aria-label": "Facts" },
    h("h3", {}, "Facts"),
    h(
      "dl",
      { class: "facts" },
      order.failure &&
        fact("Reason", h("code", { class: "tone-bad" }, order.failure.reason), h("span", {}, order.failure.detail)),
      order.contradicted && fact("Contradicted", "The chain says otherwise than the recorded end."),
      order.vsQuoteBps && fact("Against quote", `${bps(order.vsQuoteBps)} bps`),
      order.quotedOut && fact("Quoted", `${exact(order.quotedOut)} ${order.tokenOut}`),
      order.minOut &&
        fact(
          "Min out",
          `${exact(order.minOut)} ${order.tokenOut}`,
          h("span", { class: "note" }, `quote − ${percent(order.maxSlippageBps)}`),
        ),
      order.amountOut && fact("Received", `${exact(order.amountOut)} ${order.tokenOut}`),
      order.price && fact("Price", `${exact(order.price)} ${order.tokenOut} per ${order.tokenIn}`),
      order.fees && fact("Fees paid", ...feesOf(order.fees)),
      order.signature && fact("Signature", ...signatureOf(order.signature)),
      fact("Order", h("span", { class: "mono cut-off" }, order.orderId), copyButton(order.orderId, "order id")),
      order.clientOrderId &&
        fact(
          "Client id",
          h("span", { class: "mono cut-off" }, order.clientOrderId),
          copyButton(order.clientOrderId, "client id"),
        ),
      trace && fact("Trace", h("span", { class: "mono cut-off" }, trace), copyButton(trace, "trace id")),
      fact("Accepted", `${stamp(Date.parse(order.submittedAt))} UTC`),
      order.account && fact("Account", order.account),
      order.expiresAt && fact("Deadline", `${stamp(Date.parse(order.expiresAt))} UTC`),
      order.attempts > 1 && fact("Routes", `${order.attempts} chosen so far`),
    ),
  );
}

const fact = (name, ...value) => [h("dt", {}, name), h("dd", { class: "num" }, value)];

function signatureOf(signature) {
  const there = explorer(signature);
  const seen =
    there &&
    h(
      "a",
      { href: there, target: "_blank", rel: "noopener noreferrer" },
      "explorer",
      h("span", { class: "sr" }, " (opens in a new tab)"),
    );
  return [
    h("span", { class: "mono cut-off", title: signature }, short(signature, 14, 10)),
    copyButton(signature, "signature"),
    seen,
  ];
}

const words = (name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

// As the receipt has them: a name and an amount each, in whatever unit the name says.
const feesOf = (fees) =>
  Object.entries(fees)
    .filter(([, value]) => value !== null && typeof value !== "object")
    .map(([name, value]) =>
      h("span", {}, `${words(name)} ${/^-?\d+(\.\d+)?$/.test(value) ? exact(String(value)) : value}`),
    );

/** Return a fold-out with the events as the API tells them; `show(events)` fills it. */
export function rawEvents(path) {
  const pre = h("pre", { tabindex: 0, "aria-label": "Events as JSON" });
  const note = h("span", { class: "note num" });
  let shown = -1;
  const text = () => pre.textContent;
  const node = h(
    "details",
    { class: "raw" },
    h("summary", {}, icon("chevron", 14), "Raw events", note),
    h("div", { class: "curl" }, pre, copyButton(text, "events")),
  );
  const show = (events) => {
    if (events.length === shown) return;
    shown = events.length;
    note.textContent = `${events.length} · GET ${path}`;
    pre.textContent = JSON.stringify(events, null, 2);
  };
  return { node, show };
}
