/** The list as a file: what the filter shows, as CSV, however many orders that is. */

import { h } from "../lib/dom.js";
import { stamp } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { note } from "../lib/notes.js";
import { Problem } from "../net/api.js";
import { download } from "../net/download.js";

/** Return the button; `query()` tells what the list asks the API for. */
export function fileButton(query) {
  const button = h(
    "button",
    { class: "ghost tiny csv", type: "button", title: "Save these orders as CSV", "data-action": "csv" },
    icon("file", 14),
    "CSV",
  );
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const name = `orders-${stamp(Date.now()).slice(0, 19).replace(/[ :]/g, "-")}.csv`;
      const whole = await download(`/api/orders?${new URLSearchParams({ ...query(), format: "csv" })}`, name);
      note(whole ? `Saved as ${name}` : `Saved as ${name}: the newest 100,000; narrow the filter for others`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      note(`Not saved: ${problem.title} (${problem.code})`);
    } finally {
      button.disabled = false;
    }
  });
  return button;
}
