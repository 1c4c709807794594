/** The foot of an open order: what the server offers to do with it, and what is always there. */

import { fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { copy, note } from "../lib/notes.js";
import { curlOf } from "../lib/wish.js";
import { address, call, Problem } from "../net/api.js";
import { hasKey } from "../net/session.js";
import { acts, canAct } from "../state/link.js";

const TOLD = {
  TOO_LATE_TO_CANCEL: "It is signed, so only the chain decides; if this transaction expires, no other follows",
  ORDER_ENDED: "The order had ended before",
};

export class Actions {
  #order = null;
  #offered = "";

  /** `on.repeat(wish)` and `on.done()`, after something was asked for, are told. */
  constructor(on) {
    this.on = on;
    this.node = h("div", { class: "drawer-foot" });
  }

  /** Show what may be done now. Buttons stay as they are, with their focus, unless that changes. */
  show(order) {
    this.#order = order;
    const offers = order.actions ?? [];
    const offered = JSON.stringify([offers, order.ended, order.signature]);
    if (offered === this.#offered) return;
    this.#offered = offered;
    fill(
      this.node,
      small({ onclick: () => this.curl(), "data-action": "curl" }, icon("copy", 14), "Copy as curl"),
      small({ onclick: () => this.#repeat(), "data-action": "repeat" }, icon("plus", 14), "Place again"),
      h("span", { class: "grow" }),
      offers.map((action) => this.#button(action)),
      !offers.length && h("span", { class: "note" }, order.ended ? "It has ended" : ""),
    );
  }

  #button(action) {
    const props = { class: "small danger", "data-action": action.name, title: action.effect };
    return acts(small({ ...props, onclick: () => this.#act(action) }, this.#nameOf(action)));
  }

  // After signing, a cancel only means that no other transaction follows.
  #nameOf({ name }) {
    if (name !== "cancel") return name;
    return this.#order.signature ? "No further try" : "Cancel order";
  }

  #repeat() {
    const { tokenIn, tokenOut, amountIn, maxSlippageBps } = this.#order;
    this.on.repeat({ tokenIn, tokenOut, amountIn, maxSlippageBps });
  }

  /** Copy the order as a command. */
  curl() {
    if (!this.#order) return;
    copy(curlOf(address("/api/orders/execute"), this.#order, { signed: hasKey() }), "Command");
  }

  /** Cancel the order, where the server offers that. */
  cancel() {
    const action = this.#order?.actions?.find(({ name }) => name === "cancel");
    if (action) this.#act(action);
  }

  async #act({ method, href }) {
    if (!canAct()) return note("Not while the gateway is away");
    try {
      await call(method, href);
      note("Done: the order is cancelled");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      note(TOLD[problem.code] ?? `${problem.title} (${problem.code})`);
    }
    return this.on.done();
  }
}

const small = (props, ...kids) => h("button", { class: "small", type: "button", ...props }, kids);
