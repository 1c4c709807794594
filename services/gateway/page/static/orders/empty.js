/** What stands in place of rows: the list on its way, nothing that matches, or a first order. */

import { h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { copyButton } from "../lib/notes.js";
import { address } from "../net/api.js";
import { hasKey } from "../net/session.js";
import { curlOf } from "../lib/wish.js";
import { acts } from "../state/link.js";
import { network, networkKey } from "../shell/network.js";

const FIRST = { tokenIn: "SOL", tokenOut: "USDC", amountIn: "1.5" };
const WIDTHS = [86, 104, 60, 92, 74, 64, 80];

/** Return grey bars in the place of rows. */
export const loading = () =>
  h(
    "div",
    { class: "skeleton", role: "status" },
    h("span", { class: "sr" }, "Loading orders"),
    Array.from({ length: 14 }, (_, line) =>
      h(
        "div",
        { class: "skeleton-row" },
        WIDTHS.map((width, at) => h("i", { vars: { "--w": `${width - ((line * 7 + at * 13) % 24)}px` } })),
      ),
    ),
  );

/** Return what is said when the filter has no orders. */
export const nothing = (all) =>
  h(
    "div",
    { class: "say" },
    h("h3", {}, "No order matches"),
    h("p", {}, "None of the orders that you may see is like this. New ones appear here as they come."),
    h("div", { class: "say-row" }, h("button", { class: "small", type: "button", onclick: all }, "Show all orders")),
  );

/** Return what a new user sees first; `place(preset, at once)` places an order or opens the form. */
export function welcome(place) {
  const { real, plain } = network();
  const known = networkKey() !== null;
  const button = h(
    "button",
    { class: "primary big", type: "button", "data-action": "first-order", onclick: () => place(FIRST, known && !real) },
    icon(real ? "plus" : "flask", 18),
    real || !known ? "Place an order" : "Place a test order",
  );
  const curl = curlOf(address("/api/orders/execute"), FIRST, { signed: hasKey() });
  return h(
    "div",
    { class: "say hello" },
    h("h3", {}, "Ready for the first order"),
    h(
      "p",
      {},
      "Swap 1.5 SOL for USDC, and watch the order being routed, signed, sent and confirmed. That takes a few seconds. ",
      plain,
    ),
    acts(button),
    h("div", { class: "or" }, h("span", {}, "or from a terminal")),
    h(
      "div",
      { class: "curl" },
      h("pre", { tabindex: 0, "aria-label": "The same as a command" }, curl),
      copyButton(curl, "command"),
    ),
    h(
      "p",
      { class: "links" },
      h("a", { href: address("/docs") }, "API reference"),
      h("a", { href: address("/openapi.json") }, "openapi.json"),
      !real && h("span", {}, "Two hundred at once: ", h("code", {}, "slipstream load --rate 50 --duration 4")),
    ),
  );
}
