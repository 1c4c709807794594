/** The wallets that pay for orders, as the chain has them. */

import { fill, h } from "../lib/dom.js";
import { count, exact, plainly, short } from "../lib/format.js";
import { copyButton } from "../lib/notes.js";
import { section, table } from "./section.js";

/** Return the section; what it hears is kept in `shared.wallets`, for the form. */
export function walletsSection(shared) {
  return section({
    title: "Wallets",
    path: "/api/wallets",
    everyMs: 10_000,
    news: (told) => (shared.wallets = told.wallets),
    show: (node, told) => fill(node, told.wallets.length ? told.wallets.map(wallet) : none(told.chain)),
  });
}

const none = (chain) =>
  h(
    "p",
    { class: "dim" },
    chain === "simulated" ? "The simulated chain has no wallets: nothing is paid." : "This key has no wallet.",
  );

function wallet({ name, address, slot, balances, accounts }) {
  const rows = balances.map(({ token, amount: held }) => [token, h("span", { title: exact(held) }, plainly(held, 6))]);
  return h(
    "div",
    { class: "wallet", "data-wallet": name },
    h(
      "p",
      { class: "wallet-head" },
      h("b", {}, name),
      h("span", { class: "mono dim", title: address }, short(address, 4, 4)),
      copyButton(address, "address"),
      h("span", { class: "grow" }),
      h("span", { class: "note num" }, `slot ${count(slot)}`),
    ),
    balances.length
      ? table(`Wallet ${name}`, [["Token"], ["Amount", "r"]], rows)
      : h("p", { class: "dim" }, "It holds nothing."),
    h(
      "p",
      { class: "note" },
      accounts.includes("*")
        ? "Pays for every account without a wallet of its own."
        : `Pays for ${accounts.join(", ")}.`,
    ),
  );
}
