/** The rail: three tabs of figures that change slowly. Only the one that is seen asks for anything. */

import { fill, h } from "../lib/dom.js";
import { dropPlots } from "../lib/plots.js";
import { market } from "./market.js";
import { quality } from "./quality.js";
import { system } from "./system.js";

export const TABS = { market: ["Market", market], quality: ["Quality", quality], system: ["System", system] };

/** Build the rail with a tab open into a slot, and return what ends it. `pick(tab)` is told. */
export function rail(slot, open, pick, shared) {
  const body = h("div", {
    class: "rail-body",
    id: "tab-panel",
    role: "tabpanel",
    "aria-labelledby": `tab-${open}`,
    tabindex: 0,
  });
  fill(slot, tabs(open, pick), body);
  const end = TABS[open][1](body, shared);
  return () => {
    end();
    dropPlots(slot);
  };
}

function tabs(open, pick) {
  const keys = Object.keys(TABS);
  const move = (index) => (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = keys[(index + by + keys.length) % keys.length];
    pick(next);
    document.getElementById(`tab-${next}`)?.focus();
    event.preventDefault();
  };
  return h(
    "div",
    { class: "seg rail-tabs", role: "tablist", "aria-label": "Rail" },
    keys.map((key, index) =>
      h(
        "button",
        {
          role: "tab",
          type: "button",
          id: `tab-${key}`,
          "aria-selected": String(key === open),
          "aria-controls": "tab-panel",
          tabindex: key === open ? 0 : -1,
          onclick: () => pick(key),
          onkeydown: move(index),
        },
        TABS[key][0],
        h("kbd", { "aria-hidden": "true" }, String(index + 1)),
      ),
    ),
  );
}
