/** A failure in its panel: what does not work, what still does, the code, and when it is tried again. */

import { h, write } from "../lib/dom.js";
import { clock, duration } from "../lib/format.js";
import { statusIcon } from "../lib/status.js";

/**
 * Return the failure as a box. `again` tries at once; `at` is when it is tried by itself, in ms.
 * `brief` is for small panels.
 */
export function failure({ title, still = "", problem, again = null, at = null, brief = false }) {
  const words =
    problem.detail && problem.detail !== problem.title ? `${problem.title}: ${problem.detail}` : problem.title;
  const wait = h("span", { class: "note num" });
  const box = h(
    "div",
    { class: brief ? "say brief" : "say", role: "alert", "data-problem": problem.code },
    statusIcon("failed", brief ? 16 : 26),
    h("h3", {}, title),
    h("p", {}, `${words.replace(/\.$/, "")}.`, still && ` ${still}`),
    h("p", { class: "code" }, h("code", {}, problem.code), ` · ${problem.request} · ${clock(problem.at)} UTC`),
    (again || at) &&
      h(
        "div",
        { class: "say-row" },
        again && h("button", { class: "small", type: "button", onclick: again }, "Try again"),
        wait,
      ),
  );
  if (at) countdown(wait, at, box);
  return box;
}

function countdown(node, at, box) {
  const tell = () =>
    write(
      node,
      at > Date.now()
        ? `by itself in ${duration(Math.ceil((at - Date.now()) / 1000) * 1000).replace(".00", "")}`
        : "trying …",
    );
  const timer = setInterval(() => (box.isConnected ? tell() : clearInterval(timer)), 1000);
  tell();
}
