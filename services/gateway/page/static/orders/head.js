/** The head of the list: filters with their counts, the venue, the file, and whether it is live. */

import { fill, h, mark, write } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { FILTERS } from "../state/filters.js";
import { fileButton } from "./files.js";

const LIVE = { off: "Not live", opening: "Connecting", hold: "Held while you read", on: "Live" };

export class Head {
  #venues = "";

  /** `on.pick(filter)`, `on.venue(name)` and `on.top()` are told; `on.query()` is asked. */
  constructor(on) {
    this.on = on;
    this.chips = new Map(Object.entries(FILTERS).map(([key, { name }]) => [key, this.#chip(key, name)]));
    const lane = { class: "filter", type: "button", "aria-pressed": "true", hidden: true };
    this.lane = h("button", { ...lane, onclick: () => on.pick("all") });
    this.venue = h("select", { class: "pick", "aria-label": "Venue", onchange: () => on.venue(this.venue.value) });
    this.newer = h(
      "button",
      { class: "newer", type: "button", hidden: true, onclick: on.top },
      icon("up", 14),
      h("span", { class: "num" }),
    );
    this.live = h("span", { class: "live", role: "status" });
    this.node = this.#build();
    this.venues([]);
  }

  #build() {
    const chips = [...this.chips.values()].map(({ node }) => node);
    return h(
      "div",
      { class: "panel-head" },
      h("h2", {}, "Orders"),
      h("div", { class: "filters", role: "group", "aria-label": "Filter" }, chips, this.lane),
      h("span", { class: "grow" }),
      this.venue,
      fileButton(this.on.query),
      this.newer,
      this.live,
    );
  }

  #chip(key, name) {
    const figure = h("b", { class: "num" });
    const props = { class: "filter", type: "button", "data-filter": key };
    const node = h("button", { ...props, onclick: () => this.on.pick(key) }, h("span", {}, name), figure);
    return { node, figure };
  }

  /** Offer these venues to filter by. */
  venues(names) {
    const words = names.join();
    if (words === this.#venues && this.venue.options.length) return;
    this.#venues = words;
    const chosen = this.venue.value;
    const options = names.map((name) => h("option", { value: name }, name));
    fill(this.venue, h("option", { value: "" }, "Any venue"), options);
    this.venue.value = names.includes(chosen) ? chosen : "";
  }

  /** Show how many orders each filter has, where that is known. */
  counts(totals) {
    for (const [key, { node, figure }] of this.chips) {
      const total = totals[key];
      write(figure, total ? count(total.count) + (total.exact ? "" : "+") : "");
      node.classList.toggle("hot", key === "unresolved" && Boolean(total?.count));
    }
  }

  /** Show which filter is chosen: one of the filters, or a status. */
  pressed({ key: chosen, status }) {
    for (const [key, { node }] of this.chips) mark(node, "aria-pressed", String(!status && key === chosen));
    this.lane.hidden = !status;
    write(this.lane, status ? `${status} ×` : "");
  }

  /** Say whether the list is live, and how many newer orders wait. */
  say(state, waiting) {
    this.newer.hidden = waiting === 0;
    this.live.hidden = waiting > 0;
    if (waiting) write(this.newer.lastChild, `${count(waiting)} newer`);
    this.live.dataset.live = state;
    write(this.live, LIVE[state]);
  }
}
