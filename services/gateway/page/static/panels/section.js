/** A section of the rail: a heading, and a body that a look fills, or a failure in its place. */

import { fill, h } from "../lib/dom.js";
import { dropPlots } from "../lib/plots.js";
import { Look } from "../net/look.js";
import { failure } from "../shell/failure.js";

/**
 * Return a section that looks at `path` and shows it by `show(body, document)`. `title` names it,
 * also when it fails; `news`, if given, is told each document first.
 */
export function section({ title, aside = null, path, everyMs, show, news = () => {} }) {
  const body = h("div", { class: "sec-body" }, h("p", { class: "dim" }, "Loading …"));
  const node = h("section", { class: "sec", "aria-label": title }, h("h2", {}, title, aside), body);
  const look = new Look({
    path,
    everyMs,
    seen: () => node.checkVisibility?.() ?? true, // A phone shows the rail only as its own view.
    onNews(told) {
      if (node.dataset.state !== "news") empty(body);
      node.dataset.state = "news";
      news(told);
      show(body, told);
    },
    onTrouble(problem, at) {
      node.dataset.state = "trouble";
      empty(body);
      fill(body, failure({ title: `${title}: not known`, problem, at, again: () => look.again(), brief: true }));
    },
  });
  return { node, body, look };
}

/** Return a table: `heads` are `[text, class]`, `rows` lists of cells, of which the first heads its row. */
export function table(name, heads, rows, css = "") {
  const cell = (content, index) => {
    const [, classes = ""] = heads[index];
    return index ? h("td", { class: `num ${classes}` }, content) : h("th", { scope: "row" }, content);
  };
  return h(
    "table",
    { class: `mini ${css}`, "aria-label": name },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map(([text, classes = ""]) =>
          h("th", { scope: "col", class: classes }, text || h("span", { class: "sr" }, "more")),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) => h("tr", {}, row.map(cell))),
    ),
  );
}

function empty(body) {
  dropPlots(body);
  fill(body);
}
