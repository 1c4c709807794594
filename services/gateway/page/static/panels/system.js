/** The system: lag by group, replicas and their versions, servers, and what this page itself is. */

import { fill, h, write } from "../lib/dom.js";
import { now } from "../lib/clock.js";
import { age, count, duration, NONE } from "../lib/format.js";
import { dropPlots, spark } from "../lib/plots.js";
import { statusIcon } from "../lib/status.js";
import { failure } from "../shell/failure.js";
import { table } from "./section.js";

const SEEN = 60;
const pasts = new Map(); // Lags as seen by this page, by group.
const NAMES = { redis: "Redis", postgres: "PostgreSQL", chain: "Chain" };

/** Build the tab into `body`, and return what ends it. `shared.system` is the look that all share. */
export function system(body, shared) {
  const parts = { lag: h("div"), replicas: h("div"), servers: h("div"), note: h("span", { class: "note num" }) };
  const trouble = h("div");
  const sections = [
    h(
      "section",
      { class: "sec", "aria-label": "Lag by group" },
      h("h2", {}, "Lag by group", h("span", { class: "note" }, "entries not settled")),
      parts.lag,
    ),
    h("section", { class: "sec", "aria-label": "Replicas" }, h("h2", {}, "Replicas", parts.note), parts.replicas),
    h("section", { class: "sec", "aria-label": "Servers" }, h("h2", {}, "Servers"), parts.servers),
  ];
  fill(body, trouble, sections);
  const lag = lagTable(parts.lag);
  const show = ({ told, problem, at }) => {
    sections.forEach((node) => (node.hidden = !told));
    fill(
      trouble,
      problem &&
        h("section", { class: "sec" }, failure({ title: "The system is not known", problem, at, brief: true })),
    );
    if (!told) return;
    lag(told.groups);
    write(parts.note, replicasNote(told.replicas));
    if (told.replicas) fill(parts.replicas, replicasTable(told.replicas));
    else unknown(parts.replicas);
    fill(parts.servers, serversList(told));
  };
  if (shared.system.last) show(shared.system.last);
  shared.system.listeners.add(show);
  return () => shared.system.listeners.delete(show);
}

/** Remember lags for the sparklines, also while the tab is closed. */
export function rememberLags({ groups }) {
  for (const { name, lag } of groups ?? []) {
    const past = pasts.get(name) ?? Array(SEEN).fill(null);
    pasts.set(name, [...past.slice(1 - SEEN), lag]);
  }
}

// Plots stay, texts change: the table is built once for each set of groups.
function lagTable(node) {
  let cells = null;
  return (groups) => {
    if (!groups) return unknown(node);
    const names = groups.map(({ name }) => name).join();
    if (cells?.names !== names)
      cells = {
        names,
        rows: groups.map(() => ({ waiting: h("span"), oldest: h("span"), box: h("span", { class: "lag-chart" }) })),
      };
    if (!node.firstChild || node.dataset.names !== names) {
      node.dataset.names = names;
      const rows = groups.map(({ name }, index) => [
        name,
        cells.rows[index].waiting,
        cells.rows[index].oldest,
        cells.rows[index].box,
      ]);
      fill(
        node,
        table("Lag by group", [["Group"], ["Waiting", "r"], ["Oldest", "r"], ["Last minutes", "mid"]], rows, "lag"),
      );
      for (const row of cells.rows) row.draw = spark(row.box, { fromZero: true });
    }
    groups.forEach(({ name, lag, pending, oldestMs }, index) => {
      const row = cells.rows[index];
      write(row.waiting, lag === null ? NONE : pending ? `${count(lag)} + ${count(pending)}` : count(lag));
      row.waiting.title = pending ? "not read + read and not settled" : "";
      write(row.oldest, oldestMs === null || oldestMs === undefined ? NONE : duration(oldestMs));
      const past = pasts.get(name) ?? [];
      row.draw([past.map((_value, at) => at), past]);
    });
    return undefined;
  };
}

function unknown(node) {
  delete node.dataset.names;
  dropPlots(node);
  fill(node, h("p", { class: "dim" }, "Not known: Redis does not answer."));
}

function replicasNote(replicas) {
  if (!replicas) return "";
  const up = replicas.filter(({ state }) => state === "up").length;
  const versions = new Set(replicas.map(({ version }) => version));
  return `${up} of ${replicas.length} up, ${versions.size === 1 ? "one version" : `${versions.size} versions`}`;
}

function replicasTable(replicas) {
  const rows = replicas.map(({ service, name, version, startedAt, seenAt, state, loopDelayMs }) => [
    h("span", { title: name }, service),
    h(
      "span",
      { class: "state", title: `${name}, seen ${age(now() - Date.parse(seenAt))} ago` },
      statusIcon(state === "up" ? "confirmed" : "unresolved", 12),
      state,
    ),
    version,
    startedAt ? age(now() - Date.parse(startedAt)) : NONE,
    loopDelayMs === null || loopDelayMs === undefined ? NONE : `${loopDelayMs.toFixed(1)} ms`,
  ]);
  return table("Replicas", [["Service"], ["State"], ["Version", "r"], ["Up for", "r"], ["Loop delay", "r"]], rows);
}

function serversList({ servers, chain, partitions, epoch, version, you, access }) {
  const one = ({ name, state, detail, answeredMs }) => [
    h("dt", {}, NAMES[name] ?? name),
    h(
      "dd",
      { class: "num" },
      h("span", { class: "state" }, statusIcon(state === "up" ? "confirmed" : "failed", 12), state),
      [
        answeredMs != null && `${answeredMs.toFixed(1)} ms`,
        name === "chain" && chain && `slot ${count(chain.slot)}, ${duration(chain.ageMs)} old`,
        detail,
      ]
        .filter(Boolean)
        .map((text) => h("span", {}, text)),
    ),
  ];
  const fact = (name, value) => [h("dt", {}, name), h("dd", { class: "num" }, value)];
  return h(
    "dl",
    { class: "facts" },
    servers.map(one),
    fact("Partitions", count(partitions)),
    epoch != null && fact("Epoch", h("span", { class: "cut-off mono" }, String(epoch))),
    fact("Gateway", `version ${version}`),
    fact(
      "You",
      access === "open" ? "no key is asked for; every order is seen" : `account ${you.account}, role ${you.role}`,
    ),
  );
}
