/**
 * Find an order by its id, the client's own id or its signature: among the known ones at once, and
 * with Enter among all that the API has.
 */

import { $, fill, h, mark } from "../lib/dom.js";
import { short } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { statusIcon, statusOf } from "../lib/status.js";
import { get } from "../net/api.js";

const LEAST = 3; // Characters; fewer match too much.
const MOST_HITS = 7;

/** Make the field work; `open(order)` is called with what was chosen. */
export function search(orders, open) {
  const field = $("#search");
  const list = $("#hits");
  let hits = [];
  let at = -1;
  let asked = null;

  const close = () => {
    list.hidden = true;
    mark(field, "aria-expanded", "false");
    mark(field, "aria-activedescendant", null);
    at = -1;
    asked?.abort();
  };
  const choose = (order) => {
    close();
    field.value = "";
    field.blur();
    open(order);
  };
  const show = (found, instead) => {
    hits = found;
    at = -1;
    fill(
      list,
      found.length
        ? found.map((order, index) => hit(order, index, field.value.trim(), choose))
        : h("li", { class: "none", role: "option", "aria-selected": "false" }, instead),
    );
    list.hidden = false;
    mark(field, "aria-expanded", "true");
    mark(field, "aria-activedescendant", null);
  };
  const step = (by) => {
    if (!hits.length) return;
    at = (at + by + hits.length) % hits.length;
    [...list.children].forEach((node, index) => mark(node, "aria-selected", String(index === at)));
    mark(field, "aria-activedescendant", `hit-${at}`);
  };
  const ask = async () => {
    const text = field.value.trim();
    if (text.length < LEAST) return;
    asked?.abort();
    asked = new AbortController();
    show([], "Asking the archive …");
    try {
      const { orders: found } = await get(`/api/orders?${new URLSearchParams({ find: text, limit: MOST_HITS })}`, {
        signal: asked.signal,
      });
      orders.take(found);
      if (found.length === 1) choose(orders.get(found[0].orderId));
      else
        show(
          found.map(({ orderId }) => orders.get(orderId)),
          "No order has an id or a signature that begins like this.",
        );
    } catch (problem) {
      if (problem.code && problem.name !== "AbortError") show([], `${problem.message} (${problem.code}).`);
    }
  };

  fill($("#search-icon"), icon("search"));
  field.addEventListener("input", () => {
    const text = field.value.trim();
    if (text.length < LEAST) close();
    else show(known(orders, text), "Not among the orders of this page. Enter asks the archive.");
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      step(event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
    } else if (event.key === "Enter") {
      if (hits.length && !list.hidden) choose(hits[Math.max(0, at)]);
      else ask();
      event.preventDefault();
    } else if (event.key === "Escape") {
      close();
      field.value = "";
      field.blur();
      event.stopPropagation();
    }
  });
  field.addEventListener("blur", close);
}

function known(orders, text) {
  const low = text.toLowerCase();
  const found = [];
  for (const order of orders.all) {
    const ours = order.orderId.includes(low) || order.clientOrderId?.toLowerCase().includes(low);
    if (ours || order.signature?.startsWith(text)) found.push(order);
    if (found.length === MOST_HITS) break;
  }
  return found;
}

function hit(order, index, text, choose) {
  const { orderId, clientOrderId, signature } = order;
  const named = clientOrderId?.toLowerCase().includes(text.toLowerCase())
    ? clientOrderId
    : signature?.startsWith(text)
      ? short(signature, 16, 4)
      : orderId;
  // The field keeps its focus until the choice is made.
  const pick = (event) => {
    event.preventDefault();
    choose(order);
  };
  return h(
    "li",
    { role: "option", id: `hit-${index}`, "aria-selected": "false", onmousedown: pick },
    statusIcon(statusOf(order)),
    h("span", { class: "mono" }, named),
    h("span", { class: "dim" }, `${order.tokenIn} → ${order.tokenOut}`),
  );
}
