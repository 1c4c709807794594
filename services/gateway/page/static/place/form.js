/** The form to place an order: the offers of now, one plain sentence, and a button that says where it acts. */

import { fill, h, write } from "../lib/dom.js";
import { amount, plainly } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { address, get, Problem } from "../net/api.js";
import { hasKey } from "../net/session.js";
import { network } from "../shell/network.js";
import { canAct } from "../state/link.js";
import { head, listen, offerTokens, partsOf } from "./parts.js";
import { offers, Preview, sentence } from "./preview.js";
import { explain, Sending } from "./sending.js";
import { curlOf, mistakes } from "../lib/wish.js";

const FIRST = { tokenIn: "SOL", tokenOut: "USDC", amountIn: "1.5", maxSlippageBps: 100 };

/**
 * Build the form into a slot and return what ends it. `on.placed(accepted)` and `on.close()` are
 * told; `tokens()` and `wallets()` return what is known of them.
 */
export function placeForm(slot, preset, { placed, close, tokens, wallets }) {
  const wish = { ...FIRST, ...preset };
  const sending = new Sending();
  const parts = partsOf(wish);
  const preview = new Preview(
    (quotes) => showQuotes(parts, wish, quotes),
    (problem) => showTrouble(parts, problem),
  );
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
  if (!tokens().length)
    get("/api/tokens").then(
      (told) => offerTokens(parts, wish, told.tokens),
      () => {},
    );
  changed();
  preview.now(wish);
  parts.size.focus({ preventScroll: true });
  parts.size.select();
  const timer = setInterval(
    () => write(parts.age, preview.asked ? `${Math.round((Date.now() - preview.asked) / 1000)} s old` : ""),
    500,
  );
  return () => {
    preview.stop();
    clearInterval(timer);
  };
}

function draw(parts, wish, sending, tokens, wallets, all = true) {
  const wrong = mistakes(wish, tokens);
  const { real, button } = network();
  fill(parts.go, icon(real ? "check" : "flask"), button, h("kbd", { "aria-hidden": "true" }, "Ctrl ↵"));
  for (const slip of parts.slips.children)
    slip.setAttribute("aria-pressed", String(Number(slip.dataset.bps) === wish.maxSlippageBps));
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
  const held = wallets.flatMap(({ name, balances }) =>
    balances.filter((one) => one.token === token).map((one) => `${plainly(one.amount, 6)} ${token} in ${name}`),
  );
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
  fill(
    parts.sentence,
    `No offers can be shown: ${problem.message} (${problem.code}). `,
    problem.status === 400 ? "" : "An order is taken all the same, and routed as soon as venues answer.",
  );
  fill(parts.list);
}

async function pause(parts, ms) {
  const end = Date.now() + ms;
  while (Date.now() < end && parts.go.isConnected) {
    fill(parts.go, `Again in ${Math.ceil((end - Date.now()) / 1000)} s`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
