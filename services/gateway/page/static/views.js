/** What the slot at the side shows, and how one gets there: the rail, an order, the form. */

import { $, fill, h, phone } from "./lib/dom.js";
import { icon } from "./lib/icons.js";
import { note } from "./lib/notes.js";
import { Drawer } from "./order/drawer.js";
import { rail, TABS } from "./panels/rail.js";
import { placeForm } from "./place/form.js";
import { setView, showSide, sideMode } from "./shell/side.js";

const PHONE = [
  ["orders", "Orders", "list"],
  ["market", "Market", "chart"],
  ["place", "Place", "plus"],
  ["quality", "Quality", "gauge"],
  ["system", "System", "stack"],
];

export class Views {
  #tab = "market";
  drawer = null;

  /** `table` and `orders` are those of the page; `shared` is what panels tell each other. */
  constructor(table, orders, shared) {
    Object.assign(this, { table, orders, shared });
    $("#place-open").addEventListener("click", () => this.place());
    $("#rail-open").addEventListener("click", () => this.#toggleRail());
    fill($("#rail-open"), icon("stack"));
    fill($("#place-open .i"), icon("plus"));
    fill(
      $("#tabs"),
      PHONE.map(([key, name, shape]) => this.#phoneTab(key, name, shape)),
    );
    setView("orders");
  }

  #phoneTab(key, name, shape) {
    const show = () => (key === "place" ? this.place() : key === "orders" ? this.#list() : this.rail(key));
    return h(
      "button",
      { type: "button", class: key === "place" ? "mid" : "", "data-view": key, onclick: show },
      icon(shape, 20),
      h("span", {}, name),
    );
  }

  #list() {
    setView("orders");
    if (sideMode() !== "rail") this.close();
  }

  /** Show a tab of the rail, the one shown last unless it is named. */
  rail(tab = this.#tab, seen = true) {
    this.#tab = tab;
    this.#leaveOrder();
    showSide("rail", (slot) => rail(slot, tab, (next) => this.rail(next), this.shared));
    if (seen && phone.matches) setView(tab);
    this.table.choose(null);
  }

  /** Go back from an order or the form, or begin: the rail is there, and a phone shows the list. */
  close() {
    this.rail(this.#tab, false);
    this.table.refresh();
  }

  #toggleRail() {
    const shell = $("#shell");
    setView(shell.dataset.view === "rail" ? "orders" : "market");
    if (sideMode() !== "rail") this.close();
  }

  /** Open the order that the address of the page names, if it names one. */
  fromAddress() {
    const named = /^#([0-9a-f-]{36})$/.exec(location.hash);
    if (named) this.order(named[1]);
  }

  /** Open an order by its id. The address then names it, so that it can be sent to others. */
  order(orderId) {
    if (this.drawer?.orderId === orderId) return;
    history.replaceState(null, "", `#${orderId}`);
    const on = {
      close: () => this.close(),
      step: (by) => this.step(by, true),
      repeat: (wish) => this.place(wish),
      told: (order) => this.orders.take([order]),
    };
    if (phone.matches) setView("orders");
    showSide("order", (slot) => {
      const drawer = (this.drawer = new Drawer(slot, orderId, on));
      return () => drawer.end();
    });
    this.table.choose(orderId);
  }

  /** Choose the order that lies `by` rows on, and open it if an order is open. */
  step(by, open = sideMode() === "order") {
    const order = this.table.neighbour(by);
    if (!order) return;
    if (open) this.order(order.orderId);
    else this.table.choose(order.orderId);
  }

  #leaveOrder() {
    if (!this.drawer) return;
    this.drawer = null;
    history.replaceState(null, "", location.pathname + location.search);
  }

  /** Open the form, filled with `preset`. */
  place(preset = {}) {
    this.#leaveOrder();
    this.table.choose(null);
    if (phone.matches) setView("orders");
    const { shared } = this;
    const on = {
      placed: (taken) => this.placed(taken),
      close: () => this.close(),
      tokens: () => shared.tokens,
      wallets: () => shared.wallets,
    };
    showSide("place", (slot) => placeForm(slot, preset, on));
  }

  /** Show an order that was just taken. */
  placed({ orderId }) {
    note("Accepted: the order is on the log");
    this.table.expect(orderId);
    this.order(orderId);
  }

  nextTab = (index) => this.rail(Object.keys(TABS)[index]);
}
