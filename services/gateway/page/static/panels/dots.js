/**
 * A dot for each order in flight, as far along its lane as it is old there.
 *
 * Drawn at most 300; beyond, one dot stands for several orders, and that is said. Nothing is drawn
 * while nobody looks; with reduced motion dots do not glide but step, four times a second.
 */

import { calm, css, phone } from "../lib/dom.js";
import { toneOf } from "../lib/status.js";
import { shownAt } from "../state/link.js";

const MOST = 300;
const FADE_MS = 900; // So long an ended order is seen.
const STEP_MS = 250;
const USUAL_MS = { pending: 100, routing: 400, building: 100, submitted: 4_000 };
const LANE = { pending: 0, routing: 1, building: 2, submitted: 3 };
const END = 4;
const ROOM = 6;
const USUALLY_DONE = 1.5; // Medians after which a dot has reached the end of its lane.

/**
 * Draw the flying orders of a store over tracks. `onShare(n)` is told when a dot is n orders.
 * Returns `paces(hops)`, which takes how long orders stay in each lane, and `end()`.
 */
export function dots(canvas, tracks, orders, onShare) {
  const pen = canvas.getContext("2d");
  const pace = { ...USUAL_MS };
  let boxes = [];
  let tones = {};
  let share = 1;
  let going = true;
  let blank = false;

  const measure = () => {
    const outer = canvas.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(outer.width * ratio);
    canvas.height = Math.round(outer.height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    boxes = tracks.map((track) => {
      const inner = track.getBoundingClientRect();
      return { left: inner.left - outer.left, top: inner.top - outer.top, width: inner.width, height: inner.height };
    });
    tones = Object.fromEntries(
      ["run", "ok", "bad", "warn", "idle"].map((name) => [name, css(name === "run" ? "--accent" : `--${name}`)]),
    );
  };
  const watcher = new ResizeObserver(measure);
  watcher.observe(canvas);
  const themes = new MutationObserver(measure);
  themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });

  const draw = () => {
    if (!boxes.length || phone.matches) return false;
    const at = shownAt();
    const seen = [...orders.flying.values(), ...orders.lately(at - FADE_MS)];
    if (!seen.length && blank) return false;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    blank = !seen.length;
    const each = Math.max(1, Math.ceil(seen.length / MOST));
    if (each !== share) onShare((share = each));
    for (let index = 0; index < seen.length; index += each) dot(pen, boxes, tones, seen[index], at, pace);
    pen.globalAlpha = 1;
    return !blank;
  };
  // Each frame costs the whole window's drawing: none is asked for while nothing flies.
  const loop = () => {
    if (!going) return;
    const glides = !document.hidden && draw() && !calm.matches;
    if (!glides) setTimeout(loop, STEP_MS);
    else requestAnimationFrame(loop);
  };
  loop();

  return {
    paces(hops) {
      for (const { name, p50Ms } of hops) if (USUAL_MS[name] && p50Ms) pace[name] = Math.max(p50Ms * USUALLY_DONE, 50);
    },
    end() {
      going = false;
      watcher.disconnect();
      themes.disconnect();
    },
  };
}

function dot(pen, boxes, tones, order, at, pace) {
  const spent = Math.max(0, at - (order.ended ? order.changedAt : order.enteredAt));
  const part = Math.min(1, spent / (order.ended ? FADE_MS : pace[order.status]));
  if (order.ended && part >= 1) return;
  const { left, top, width, height } = boxes[order.ended ? END : LANE[order.status]];
  const x = left + ROOM + part * (width - 2 * ROOM);
  const y = top + ROOM + order.seed * (height - 2 * ROOM);
  const stuck = order.unresolved && !order.ended;
  pen.globalAlpha = order.ended ? 0.9 * (1 - part ** 2) : 0.85;
  pen.fillStyle = tones[stuck ? "warn" : toneOf(order.status)];
  pen.beginPath();
  if (stuck) {
    pen.moveTo(x, y - 4.5);
    pen.lineTo(x + 4.5, y + 3.5);
    pen.lineTo(x - 4.5, y + 3.5);
  } else if (order.status === "failed") pen.rect(x - 2.8, y - 2.8, 5.6, 5.6);
  else pen.arc(x, y, 2.4, 0, 7);
  pen.fill();
}
