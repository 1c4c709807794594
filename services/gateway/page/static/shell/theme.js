/** Light and dark: the system's choice, until the user makes one. Canvases are drawn anew. */

import { $, fill, root } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { redrawAll } from "../lib/plots.js";

/** Make the button work, and follow the system where nobody has chosen. */
export function themes() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", () => kept() ?? show(system.matches ? "dark" : "light"));
  $("#theme").addEventListener("click", flip);
  show(root.dataset.theme);
}

/** Take the other one, and keep it. */
export function flip() {
  const chosen = root.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", chosen);
  } catch {
    // The choice then ends with the page.
  }
  show(chosen);
}

function kept() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

function show(theme) {
  root.dataset.theme = theme;
  fill($("#theme"), icon(theme === "dark" ? "sun" : "moon"));
  redrawAll();
}
