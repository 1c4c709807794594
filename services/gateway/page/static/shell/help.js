/** The keyboard: one key each, none while somebody types, all listed in the help. */

import { $, fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";

const KEYS = [
  ["/", "search"],
  ["j k ↑ ↓", "next, previous order; also Page, Home, End"],
  ["Enter", "open the order"],
  ["Esc", "close, then back to the newest"],
  ["g", "back to the newest"],
  ["f", "next filter"],
  ["n", "place an order"],
  ["c", "copy the open order as curl"],
  ["x", "cancel the open order, where possible"],
  ["1 2 3", "market, quality, system"],
  ["t", "light or dark"],
  ["?", "this"],
];

/** Build the dialog and its button, and return what opens it. */
export function help() {
  const dialog = $("#help");
  const close = h(
    "button",
    { class: "ghost", type: "button", "aria-label": "Close help", onclick: () => dialog.close() },
    icon("close"),
  );
  fill(
    dialog,
    h("div", { class: "help-head" }, h("h2", { id: "help-title" }, "Keyboard"), close),
    h(
      "dl",
      {},
      KEYS.map(([keys, does]) => [
        h(
          "dt",
          {},
          keys.split(" ").map((key) => h("kbd", {}, key)),
        ),
        h("dd", {}, does),
      ]),
    ),
    h(
      "p",
      { class: "foot note" },
      "Every figure comes from the server; money is never computed here. Times are UTC. In the form, Ctrl or ⌘ with Enter places the order.",
    ),
  );
  const open = () => dialog.open || dialog.showModal();
  $("#help-open").addEventListener("click", open);
  fill($("#help-open"), icon("help"));
  return open;
}

/** Do what `does` has for a key: `{"/": () => ..., Escape: ...}`; a false result leaves it alone. */
export function keyboard(does) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || $("#help").open) return;
    const typing = event.target.closest?.("input, select, textarea");
    if (typing && event.key !== "Escape") return;
    if (does[event.key]?.(event) === true) event.preventDefault();
  });
}
