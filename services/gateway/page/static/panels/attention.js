/** What needs somebody, each with one thing to do. An empty panel is the good case. */

import { $, fill, h, write } from "../lib/dom.js";
import { now } from "../lib/clock.js";
import { age, clock } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { copy, copyButton } from "../lib/notes.js";
import { statusIcon } from "../lib/status.js";
import { address } from "../net/api.js";
import { failure } from "../shell/failure.js";
import { setNeeds } from "../shell/network.js";

/** Return what shows the panel: `{news, trouble}` of a look. `open(orderId)` is told. */
export function attention(open) {
  const root = $("#attention");
  let drawn = "";
  let ages = [];
  const news = ({ items, more = 0, notes = [] }) => {
    setNeeds(items.length + more);
    const words = JSON.stringify([items, more, notes]);
    if (words !== drawn) {
      drawn = words;
      ages = [];
      fill(root, items.length ? list(items, more, open, ages) : notes.length ? null : clear(), unseen(notes));
      root.dataset.state = items.length ? "items" : notes.length ? "unsure" : "clear";
    }
    for (const { node, since } of ages) write(node, age(now() - since));
  };
  const trouble = (problem, at) => {
    drawn = "";
    root.dataset.state = "trouble";
    fill(root, failure({ title: "What needs attention is not known", problem, at, brief: true }));
  };
  fill(
    root,
    h(
      "div",
      { class: "clear" },
      statusIcon("pending", 15),
      h("b", {}, "Looking"),
      h("span", {}, "Asking the gateway for what needs attention."),
    ),
  );
  return { news, trouble };
}

const clear = () =>
  h(
    "div",
    { class: "clear" },
    statusIcon("confirmed", 15),
    h("b", {}, "All clear"),
    h("span", {}, "Nothing needs you. Orders, venues, wallets, replicas and the log are watched."),
  );

// Good is only what has been looked at.
const unseen = (notes) =>
  notes.length > 0 &&
  h(
    "p",
    { class: "att-more" },
    statusIcon("pending", 13),
    h("span", {}, `Not everything could be looked at. ${notes.join(" ")}`),
  );

function list(items, more, open, ages) {
  return [
    h(
      "ul",
      { tabindex: items.length > 5 ? 0 : null, "aria-label": "Needs attention" },
      items.map((item) => row(item, open, ages)),
    ),
    more > 0 && h("p", { class: "att-more num" }, `and ${more} more`),
  ];
}

function row(item, open, ages) {
  const since = item.since
    ? h("span", { class: "since num", title: `since ${clock(Date.parse(item.since))} UTC` })
    : null;
  if (since) ages.push({ node: since, since: Date.parse(item.since) });
  return h(
    "li",
    { class: "att", "data-kind": item.kind, "data-severity": item.severity },
    statusIcon(item.severity === "critical" ? "failed" : "unresolved", 15),
    h(
      "p",
      { title: item.text },
      h("span", { class: "sr" }, item.severity === "critical" ? "Critical: " : "Warning: "),
      item.text,
    ),
    since,
    action(item, open),
    remedy(item.action),
  );
}

// A page of the documentation: it lies beside the code, and no gateway serves it.
const isPage = (offered) => Boolean(offered?.href) && !offered.href.startsWith("/");

function remedy(offered) {
  if (!isPage(offered) || offered.command) return null;
  return h(
    "p",
    { class: "att-how", hidden: true },
    `${offered.text}: see `,
    h("code", {}, offered.href),
    copyButton(offered.href, "path"),
  );
}

function unfold(event) {
  const button = event.currentTarget;
  const how = button.parentElement.querySelector(".att-how");
  how.hidden = !how.hidden;
  button.setAttribute("aria-expanded", String(!how.hidden));
}

function action({ orderId, action: offered }, open) {
  if (orderId)
    return h(
      "button",
      { class: "small", type: "button", title: offered?.text, onclick: () => open(orderId) },
      "Open order",
    );
  if (!offered) return null;
  const { text, command, href } = offered;
  if (command)
    return h(
      "button",
      { class: "small", type: "button", title: `${text}: ${command}`, onclick: () => copy(command, "Command") },
      icon("copy", 14),
      "Copy command",
    );
  if (isPage(offered))
    return h(
      "button",
      { class: "small", type: "button", title: text, "aria-expanded": "false", onclick: unfold },
      icon("file", 14),
      "Show how",
    );
  if (href) return h("a", { class: "small", href: address(href), title: text }, icon("file", 14), "Look");
  return h("span", { class: "note" }, text);
}
