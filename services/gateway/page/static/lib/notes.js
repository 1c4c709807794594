/** Short notes at the foot of the page, and the clipboard, which tells its success there. */

import { $, h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 2_400;
let timer;

/** Show a note for a moment; screen readers say it. */
export function note(text) {
  const box = $("#note");
  box.textContent = text;
  box.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove("on"), SHOWN_MS);
}

/** Copy a text and say so; `name` is the noun in that sentence. */
export async function copy(text, name) {
  const done = (await byClipboard(text)) || bySelection(text);
  note(done ? `${name} copied` : `The browser does not let this page copy; ${name.toLowerCase()} not copied`);
}

// Browsers have no clipboard for pages that came over plain HTTP from another machine.
async function byClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function bySelection(text) {
  const area = h("textarea", { class: "sr", "aria-hidden": "true" });
  area.value = text;
  const focused = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus?.({ preventScroll: true });
  return done;
}

/** Return a button that copies a text. */
export const copyButton = (text, name) =>
  h(
    "button",
    {
      class: "ghost tiny",
      type: "button",
      "aria-label": `Copy ${name}`,
      title: `Copy ${name}`,
      onclick: (event) => {
        event.stopPropagation();
        copy(typeof text === "function" ? text() : text, name[0].toUpperCase() + name.slice(1));
      },
    },
    icon("copy", 14),
  );
