/** Health in the bar: the servers and the replicas, each a glyph, a name and a figure. */

import { $, fill, h } from "../lib/dom.js";
import { duration, NONE } from "../lib/format.js";
import { statusIcon } from "../lib/status.js";
import { link, onLink } from "../state/link.js";

const NAMES = { redis: "Redis", postgres: "PostgreSQL", chain: "Chain" };
let last = null;
let drawn = "";

/** Show it; it is unknown while the gateway is away. */
export function health() {
  onLink(draw);
  draw();
}

/** Take what `GET /api/system` says, null when it does not answer. */
export function setHealth(system) {
  last = system;
  draw();
}

function draw() {
  const unknown = last === null || (link.state === "away" && !link.reachable);
  const parts = unknown ? [] : parted(last);
  const words = JSON.stringify([unknown, parts]);
  if (words === drawn) return;
  drawn = words;
  fill($("#health"), unknown ? unknowns() : parts.map(entry));
}

function parted({ servers, replicas, chain }) {
  const entries = servers.map(({ name, state, detail, answeredMs }) => {
    const figure = name === "chain" && chain ? chain.ageMs : answeredMs;
    const known = state === "up" && figure !== null && figure !== undefined;
    return {
      name: NAMES[name] ?? name,
      up: state === "up",
      figure: known ? rough(figure) : state === "up" ? "" : "down",
      detail,
    };
  });
  if (!replicas) return entries;
  const up = replicas.filter((replica) => replica.state === "up").length;
  return [...entries, { name: "Replicas", up: up === replicas.length, figure: `${up}/${replicas.length}`, detail: "" }];
}

const rough = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms));

const entry = ({ name, up, figure, detail }) =>
  h(
    "li",
    { class: up ? "ok" : "bad", title: `${name}: ${up ? "up" : "not well"}${detail ? `, ${detail}` : ""}` },
    statusIcon(up ? "confirmed" : "failed", 12),
    h("span", { class: "health-name" }, name),
    h("span", { class: "health-figure num" }, figure),
    h("span", { class: "sr" }, up ? "up" : "not well"),
  );

const unknowns = () =>
  ["Redis", "PostgreSQL", "Chain", "Replicas"].map((name) =>
    h(
      "li",
      { class: "unknown", title: `${name}: unknown` },
      statusIcon("pending", 12),
      h("span", { class: "health-name" }, name),
      h("span", { class: "health-figure" }, NONE),
      h("span", { class: "sr" }, "unknown"),
    ),
  );
