/** Slipstream's page: puts its parts together. It uses the public API and its stream, nothing else. */

import { $, fill, phone, root } from "./lib/dom.js";
import { clock } from "./lib/format.js";
import { icon } from "./lib/icons.js";
import { note } from "./lib/notes.js";
import { get, post, Problem } from "./net/api.js";
import { Look } from "./net/look.js";
import { hasKey, onRefused, refused } from "./net/session.js";
import { search } from "./orders/search.js";
import { tableIn } from "./orders/table.js";
import { attention } from "./panels/attention.js";
import { figures } from "./panels/figures.js";
import { flow } from "./panels/flow.js";
import { rememberLags } from "./panels/system.js";
import { announce, banner } from "./shell/banner.js";
import { health, setHealth } from "./shell/health.js";
import { help, keyboard } from "./shell/help.js";
import { setNetwork } from "./shell/network.js";
import { sideMode } from "./shell/side.js";
import { askForKey } from "./shell/sign-in.js";
import { flip, themes } from "./shell/theme.js";
import { Views } from "./views.js";
import { counted, OwnCounts, totalsOf } from "./state/counts.js";
import { FILTERS } from "./state/filters.js";
import { onLink } from "./state/link.js";
import { Follower } from "./state/follow.js";
import { Orders } from "./state/orders.js";

const TICK_MS = 250;

const orders = new Orders();
const shared = {
  tokens: [],
  wallets: [],
  venues: (names) => table.venues(names),
  system: { last: null, listeners: new Set() },
};
const table = tableIn(orders, {
  open: ({ orderId }) => views.order(orderId),
  place: (preset, atOnce) => (atOnce ? placeNow(preset) : views.place(preset)),
});
const views = new Views(table, orders, shared);
const follower = new Follower(orders, {
  changed: () => settle(),
  lost: ({ since, why }) =>
    announce(
      "History between ",
      clock(Date.parse(since)),
      ` and ${clock(Date.now())} UTC was lost from the log (${why}). The list was read anew from the archive.`,
    ),
});
const own = new OwnCounts((totals) => table.counts(totals));

// --- Looks: figures that the gateway makes once for all who ask ---------------------------------

const shows = {
  attention: attention((orderId) => views.order(orderId)),
  figures: figures((key) => table.pick(key)),
  flow: flow(orders, (status) => table.pick("all", status)),
};
const seesAll = () => {
  const told = shared.system.last?.told;
  return told?.access === "open" || told?.you.role === "admin";
};

const looks = [
  new Look({
    path: "/api/flow",
    everyMs: 1_000,
    onNews(told) {
      shows.figures.news(told);
      shows.flow.news(told);
      if (seesAll()) table.counts(totalsOf(told));
    },
    onTrouble(problem, at) {
      shows.figures.trouble(problem, at);
      shows.flow.trouble();
    },
  }),
  new Look({
    path: "/api/attention",
    everyMs: 3_000,
    onNews: shows.attention.news,
    onTrouble: shows.attention.trouble,
  }),
  new Look({
    path: "/api/system",
    everyMs: 5_000,
    onNews(told) {
      setNetwork(told.network);
      setHealth(told);
      rememberLags(told);
      root.dataset.role = told.you.role;
      tell({ told });
    },
    onTrouble(problem, at) {
      setHealth(null);
      tell({ problem, at });
    },
  }),
];

function tell(system) {
  const first = !shared.system.last?.told;
  shared.system.last = system;
  if (first && system.told && !seesAll()) countOwn();
  for (const listener of shared.system.listeners) listener(system);
}

// --- Orders as they change ----------------------------------------------------------------------

function settle() {
  const { changed } = orders.settle();
  if (!changed.length) return table.tick();
  for (const order of changed) if (order.orderId === views.drawer?.orderId) views.drawer.changed(order.version);
  if (!seesAll()) countOwn();
  return table.refresh();
}

function countOwn() {
  if (orders.whole) table.counts(counted(orders.all));
  else own.count();
}

async function placeNow(wish) {
  try {
    views.placed(await post("/api/orders/execute", wish));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    note(`${problem.title} (${problem.code})`);
    views.place(wish);
  }
}

// --- In and out -----------------------------------------------------------------------------------

let ticking = null;

// What seldom changes, and is asked for again whenever the page has become live.
function lookUp() {
  get("/api/tokens").then(
    ({ tokens }) => (shared.tokens = tokens),
    () => {},
  );
  get("/api/venues").then(
    ({ venues }) => shared.venues(venues.map(({ name }) => name)),
    () => {},
  );
  get("/api/wallets").then(
    ({ wallets }) => (shared.wallets = wallets),
    () => {},
  );
}

onLink(({ state }) => state === "live" && lookUp());

async function start() {
  get("/health/ready").then(
    ({ chain }) => setNetwork(chain),
    ({ told }) => setNetwork(told?.chain),
  );
  try {
    shared.tokens = (await get("/api/tokens")).tokens; // The first to say that a key is needed.
  } catch (problem) {
    if (problem.status === 401) return;
  }
  $("#sign-out").hidden = !hasKey();
  looks.forEach((look) => look.start());
  follower.start();
  table.reload();
  views.close();
  views.fromAddress();
  clearInterval(ticking);
  ticking = setInterval(settle, TICK_MS);
}

onRefused((why) => {
  looks.forEach((look) => look.stop());
  follower.stop();
  follower.forget();
  orders.clear();
  clearInterval(ticking);
  shared.system.last = null;
  own.forget();
  table.counts({});
  $("#sign-out").hidden = true;
  shared.wallets = [];
  views.drawer?.end();
  askForKey(why, start);
});

fill($("#sign-out"), icon("key"));
$("#sign-out").addEventListener("click", () => refused(null));
themes();
health();
banner(() => follower.retry());
search(orders, ({ orderId }) => {
  if (table.filter !== "all") table.pick("all");
  views.order(orderId);
});

// --- Keyboard ----------------------------------------------------------------------------------------

const openHelp = help();
const names = Object.keys(FILTERS);
const yes = (does) => (event) => {
  does(event);
  return true;
};
const rows = (does) => (event) => {
  const busy = event.target.closest?.("button, a, summary, [role=tablist], .side, dialog");
  if (busy && event.key !== "j" && event.key !== "k") return false;
  does();
  return true;
};
keyboard({
  "/": yes(() => $("#search").focus()),
  "?": yes(openHelp),
  t: yes(flip),
  n: yes(() => root.dataset.role !== "read" && views.place()),
  j: rows(() => views.step(1)),
  k: rows(() => views.step(-1)),
  ArrowDown: rows(() => views.step(1)),
  ArrowUp: rows(() => views.step(-1)),
  PageDown: rows(() => views.step(12)),
  PageUp: rows(() => views.step(-12)),
  Home: rows(() => views.step(-Infinity)),
  End: rows(() => views.step(Infinity)),
  Enter: rows(() => table.rows.chosen && views.order(table.rows.chosen)),
  g: yes(() => table.top()),
  f: yes(() => table.pick(names[(names.indexOf(table.filter) + 1) % names.length])),
  c: yes(() => views.drawer?.curl()),
  x: yes(() => views.drawer?.cancel()),
  1: yes(() => views.nextTab(0)),
  2: yes(() => views.nextTab(1)),
  3: yes(() => views.nextTab(2)),
  Escape: yes(() => (sideMode() === "rail" ? table.top() : views.close())),
});

phone.addEventListener("change", () => table.refresh());
start();
