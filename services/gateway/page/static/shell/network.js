/**
 * The network that orders settle on, told so that nobody can overlook it.
 *
 * Hatched is nothing real, solid is a public chain, red is real money; these colours are used for
 * nothing else.
 */

import { $, root, write } from "../lib/dom.js";

const of = (name, small, plain, button) => ({ name, small, plain, button, real: false, cluster: null });

export const NETWORKS = {
  simulated: of("SIMULATED", "no money moves", "Prices are made up and no money moves.", "Place order, simulated"),
  devchain: of(
    "DEVCHAIN",
    "local chain",
    "A chain on this machine; its coins are worth nothing.",
    "Place order on the devchain",
  ),
  devnet: {
    ...of("DEVNET", "test coins", "A public test network; its coins are worth nothing.", "Place order on devnet"),
    cluster: "?cluster=devnet",
  },
  mainnet: {
    ...of("MAINNET", "real money", "This moves real money and cannot be undone.", "Place order with real money"),
    real: true,
    cluster: "",
  },
};
const UNKNOWN = of(
  "UNKNOWN",
  "network not known yet",
  "The gateway has not said which network this is.",
  "Place order",
);

let known = null;
const listeners = new Set();

/** Return the network, or one called UNKNOWN before the gateway has said it. */
export const network = () => NETWORKS[known] ?? UNKNOWN;

/** Return the key of the network, null before it is known. */
export const networkKey = () => known;

export const onNetwork = (listener) => listeners.add(listener);

/** Take what a gateway says, and show it. */
export function setNetwork(key) {
  if (key === known || !NETWORKS[key]) return;
  known = key;
  root.dataset.net = key;
  const { name, small } = network();
  write($("#network b"), name);
  write($("#network span"), small);
  setTitle();
  for (const listener of listeners) listener(network());
}

let needs = 0;

/** Show in the title of the tab how many things need somebody. */
export function setNeeds(count) {
  needs = count;
  setTitle();
}

function setTitle() {
  const title = `${needs ? `(${needs}) ` : ""}${network().name} · Slipstream`;
  if (document.title !== title) document.title = title;
}

/** Return where the public sees a transaction, null on a network that is not public. */
export function explorer(signature) {
  const { cluster } = network();
  return cluster === null ? null : `https://explorer.solana.com/tx/${encodeURIComponent(signature)}${cluster}`;
}
