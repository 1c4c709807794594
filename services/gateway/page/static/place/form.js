/** The form to place an order: the offers of now, one plain sentence, and a button that says where it acts. */

import { fill, h, write } from "../lib/dom.js";
import { amount, plainly } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { copyButton } from "../lib/notes.js";
import { address, get, Problem } from "../net/api.js";
import { hasKey } from "../net/session.js";
import { network, networkKey } from "../shell/network.js";
import { acts, canAct } from "../state/link.js";
import { offers, Preview, sentence } from "./preview.js";
import { explain, Sending } from "./sending.js";
import { curlOf, mistakes, percent, SLIPPAGES } from "../lib/wish.js";

const FIRST = { tokenIn: "SOL", tokenOut: "USDC", amountIn: "1.5", maxSlippageBps: 100 };

/**
 * Build the form into a slot and return what ends it. `on.placed(accepted)` and `on.close()` are
 * told; `tokens()` and `wallets()` return what is known of them.
 */
export function placeForm(slot, preset, { placed, close, tokens, wallets }) {
  const wish = { ...FIRST, ...preset };
  const sending = new Sending();
  const parts = partsOf(wish);
  const preview = new Preview((quotes) => showQuotes(parts, wish, quotes), (problem) => showTrouble(parts, problem));
  let busy = false;

  const changed = () => {
    sending.renew();
    draw(parts, wish, sending, tokens(), wallets());
    const wrong = Object.keys(mistakes(wish, tokens())).length > 0;
    if (wrong) preview.stop();
    else preview.want(wish);
  };
  const send = async () => {
    if (busy || !canAct() || Object.keys(mistakes(wish, tokens())).length) return;
    busy = parts.go.disabled = true;
    write(parts.issue, "");
    try {
      placed(await sending.send(wish));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      write(parts.issue, explain(problem));
      if (problem.status === 429) await pause(parts, problem.retryAfterMs ?? 1000);
    } finally {
      busy = parts.go.disabled = false;
      draw(parts, wish, sending, tokens(), wallets(), false);
    }
  };

  listen(parts, wish, changed);
  parts.refresh.addEventListener("click", () => preview.now(wish));
  parts.form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  parts.form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) send();
  });
  fill(slot, head(close), parts.form);
  offerTokens(parts, wish, tokens());
  if (!tokens().length) get("/api/tokens").then((told) => offerTokens(parts, wish, told.tokens), () => {});
  changed();
  preview.now(wish);
  parts.size.focus({ preventScroll: true });
  parts.size.select();
  const timer = setInterval(() => write(parts.age, preview.asked ? `${Math.round((Date.now() - preview.asked) / 1000)} s old` : ""), 500);
  return () => {
    preview.stop();
    clearInterval(timer);
  };
}

const head = (close) =>
  h(
    "div",
    { class: "drawer-head" },
    h("span", { class: "grab", "aria-hidden": "true" }),
    h("h2", {}, "Place an order"),
    h("span", { class: "grow" }),
    h("button", { class: "ghost", type: "button", "aria-label": "Close form", title: "Close  Esc", onclick: close }, icon("close")),
  );

function partsOf(wish) {
  const { name, plain } = network();
  const parts = {
    size: h("input", { class: "big-in num", id: "place-amount", name: "amountIn", inputmode: "decimal", autocomplete: "off", maxlength: 40, "aria-describedby": "place-issue place-sentence" }),
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
    h("div", { class: "leg" }, h("label", { for: "place-amount" }, "Give exactly"), h("div", { class: "leg-row" }, parts.size, parts.from), parts.have),
    parts.flip,
    h("div", { class: "leg" }, h("span", { class: "label" }, "Get as much as possible"), h("div", { class: "leg-row" }, parts.out, parts.to)),
    h("div", { class: "field" }, h("span", { class: "label" }, "Slippage, at most"), parts.slips),
    h("div", { class: "field-head" }, h("h3", {}, "Offers, net"), parts.age, h("span", { class: "grow" }), parts.refresh),
    parts.list,
    parts.sentence,
    parts.issue,
    parts.go,
    h("details", { class: "raw" }, h("summary", {}, icon("chevron", 14), "As curl"), h("div", { class: "curl" }, parts.curl, copyButton(() => parts.curl.textContent, "command"))),
  );
  return parts;
}

function listen(parts, wish, changed) {
  parts.size.addEventListener("input", () => {
    wish.amountIn = parts.size.value.trim();
    changed();
  });
  for (const [node, field] of [[parts.from, "tokenIn"], [parts.to, "tokenOut"]]) {
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
      h("button", { type: "button", "data-bps": points, onclick: () => { wish.maxSlippageBps = points; changed(); } }, percent(points)),
    ),
  );
}

function offerTokens(parts, wish, tokens) {
  for (const [node, chosen] of [[parts.from, wish.tokenIn], [parts.to, wish.tokenOut]]) {
    const symbols = tokens.map(({ symbol }) => symbol);
    if (!symbols.includes(chosen)) symbols.unshift(chosen);
    fill(node, symbols.map((symbol) => h("option", { value: symbol }, symbol)));
    node.value = chosen;
  }
}

function draw(parts, wish, sending, tokens, wallets, all = true) {
  const wrong = mistakes(wish, tokens);
  const { real, button } = network();
  fill(parts.go, icon(real ? "check" : "flask"), button, h("kbd", { "aria-hidden": "true" }, "Ctrl ↵"));
  for (const slip of parts.slips.children) slip.setAttribute("aria-pressed", String(Number(slip.dataset.bps) === wish.maxSlippageBps));
  parts.curl.textContent = curlOf(address("/api/orders/execute"), wish, { key: sending.key, signed: hasKey() });
  write(parts.have, holdings(wallets, wish.tokenIn));
  parts.size.setAttribute("aria-invalid", String("amountIn" in wrong));
  parts.go.disabled = Object.keys(wrong).length > 0;
  if (!all) return;
  write(parts.issue, Object.values(wrong).join(" "));
  parts.list.dataset.stale = "";
  if (Object.keys(wrong).length) {
    write(parts.out, "–");
    fill(parts.list);
    fill(parts.sentence);
  }
}

function holdings(wallets, token) {
  const held = wallets.flatMap(({ name, balances }) => balances.filter((one) => one.token === token).map((one) => `${plainly(one.amount, 6)} ${token} in ${name}`));
  return wallets.length ? held.join(", ") || `no ${token} in any wallet` : "";
}

function showQuotes(parts, wish, quotes) {
  delete parts.list.dataset.stale;
  write(parts.out, quotes.best ? `≈ ${amount(quotes.best.netOut, 6)}` : "–");
  fill(parts.list, offers(quotes, wish.tokenOut));
  fill(parts.sentence, sentence(wish, quotes, network().plain));
}

function showTrouble(parts, problem) {
  write(parts.out, "–");
  fill(parts.sentence, `No offers can be shown: ${problem.message} (${problem.code}). `, problem.status === 400 ? "" : "An order is taken all the same, and routed as soon as venues answer.");
  fill(parts.list);
}

async function pause(parts, ms) {
  const end = Date.now() + ms;
  while (Date.now() < end && parts.go.isConnected) {
    fill(parts.go, `Again in ${Math.ceil((end - Date.now()) / 1000)} s`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
