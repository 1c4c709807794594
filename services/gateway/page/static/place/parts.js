/** The parts of the form to place an order: what lies where, and what a change of each does. */

import { fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { copyButton } from "../lib/notes.js";
import { percent, SLIPPAGES } from "../lib/wish.js";
import { network, networkKey } from "../shell/network.js";
import { acts } from "../state/link.js";

/** Return the head of the form. */
export const head = (close) =>
  h(
    "div",
    { class: "drawer-head" },
    h("span", { class: "grab", "aria-hidden": "true" }),
    h("h2", {}, "Place an order"),
    h("span", { class: "grow" }),
    h(
      "button",
      { class: "ghost", type: "button", "aria-label": "Close form", title: "Close  Esc", onclick: close },
      icon("close"),
    ),
  );

/** Return the parts of the form by name; `form` holds them all. */
export function partsOf(wish) {
  const { name, plain } = network();
  const parts = {
    size: h("input", {
      class: "big-in num",
      id: "place-amount",
      name: "amountIn",
      inputmode: "decimal",
      autocomplete: "off",
      maxlength: 40,
      "aria-describedby": "place-issue place-sentence",
    }),
    from: h("select", { class: "token", name: "tokenIn", "aria-label": "Token to give" }),
    to: h("select", { class: "token", name: "tokenOut", "aria-label": "Token to get" }),
    flip: h("button", { class: "flip", type: "button", "aria-label": "Swap the two tokens" }, icon("swap", 14)),
    have: h("span", { class: "note num" }),
    out: h("output", { class: "big-out num" }, "–"),
    slips: h("div", { class: "seg", role: "group", "aria-label": "Slippage, at most" }),
    issue: h("p", { class: "issue", id: "place-issue", role: "alert" }),
    list: h("div", { class: "offers-box" }),
    age: h("span", { class: "note num" }),
    refresh: h("button", { class: "ghost tiny", type: "button" }, "Refresh"),
    sentence: h("p", { class: "sentence", id: "place-sentence", role: "status" }),
    go: acts(h("button", { class: "primary wide pays", type: "submit", "data-action": "place" })),
    curl: h("pre", { tabindex: 0, "aria-label": "The order as a command" }),
  };
  parts.size.value = wish.amountIn;
  parts.form = h(
    "form",
    { class: "drawer-body place", novalidate: true, "aria-label": "Order" },
    h("div", { class: "netline", "data-net": networkKey() ?? "unknown" }, h("b", {}, name), h("span", {}, plain)),
    h(
      "div",
      { class: "leg" },
      h("label", { for: "place-amount" }, "Give exactly"),
      h("div", { class: "leg-row" }, parts.size, parts.from),
      parts.have,
    ),
    parts.flip,
    h(
      "div",
      { class: "leg" },
      h("span", { class: "label" }, "Get as much as possible"),
      h("div", { class: "leg-row" }, parts.out, parts.to),
    ),
    h("div", { class: "field" }, h("span", { class: "label" }, "Slippage, at most"), parts.slips),
    h(
      "div",
      { class: "field-head" },
      h("h3", {}, "Offers, net"),
      parts.age,
      h("span", { class: "grow" }),
      parts.refresh,
    ),
    parts.list,
    parts.sentence,
    parts.issue,
    parts.go,
    h(
      "details",
      { class: "raw" },
      h("summary", {}, icon("chevron", 14), "As curl"),
      h(
        "div",
        { class: "curl" },
        parts.curl,
        copyButton(() => parts.curl.textContent, "command"),
      ),
    ),
  );
  return parts;
}

/** Write into `wish` whatever the user changes, and tell it. */
export function listen(parts, wish, changed) {
  parts.size.addEventListener("input", () => {
    wish.amountIn = parts.size.value.trim();
    changed();
  });
  for (const [node, field] of [
    [parts.from, "tokenIn"],
    [parts.to, "tokenOut"],
  ]) {
    node.addEventListener("change", () => {
      wish[field] = node.value;
      changed();
    });
  }
  parts.flip.addEventListener("click", () => {
    [wish.tokenIn, wish.tokenOut] = [wish.tokenOut, wish.tokenIn];
    parts.from.value = wish.tokenIn;
    parts.to.value = wish.tokenOut;
    changed();
  });
  const offered = [...new Set([...SLIPPAGES, wish.maxSlippageBps])].sort((one, other) => one - other);
  fill(
    parts.slips,
    offered.map((points) =>
      h(
        "button",
        {
          type: "button",
          "data-bps": points,
          onclick: () => {
            wish.maxSlippageBps = points;
            changed();
          },
        },
        percent(points),
      ),
    ),
  );
}

/** Offer these tokens, and what is chosen in any case. */
export function offerTokens(parts, wish, tokens) {
  for (const [node, chosen] of [
    [parts.from, wish.tokenIn],
    [parts.to, wish.tokenOut],
  ]) {
    const symbols = tokens.map(({ symbol }) => symbol);
    if (!symbols.includes(chosen)) symbols.unshift(chosen);
    fill(
      node,
      symbols.map((symbol) => h("option", { value: symbol }, symbol)),
    );
    node.value = chosen;
  }
}
