/** The line under the bar: that this page is not live, since when, and when it tries again. */

import { $, fill, h, write } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { link, onLink } from "../state/link.js";

const GRACE_MS = 700; // A gateway that is replaced is back sooner than people read.
let timer = null;

/** Show it whenever the link is away; `retry` is for the button. */
export function banner(retry) {
  onLink(() => {
    clearInterval(timer);
    if (link.state === "away") timer = later(retry);
    else hide();
  });
}

function later(retry) {
  let built = null;
  const tell = () => {
    if (Date.now() - link.since < GRACE_MS) return;
    built ??= build(retry);
    const seconds = Math.max(0, Math.ceil((link.again - Date.now()) / 1000));
    write(built, seconds ? `Again in ${seconds} s` : "Trying …");
  };
  tell();
  return setInterval(tell, 250);
}

const more = (text) => h("span", { class: "more" }, text); // Not on a phone.

function build(retry) {
  const wait = h("span", { class: "num", "aria-hidden": "true" });
  const since = h("b", { class: "num" }, clock(link.reachable ? link.since : link.asOf));
  const words = link.reachable
    ? [
        h("b", {}, "No live updates"),
        " since ",
        since,
        " UTC. ",
        more(`${link.why}. The gateway answers, so orders can be placed; the list follows when the stream is back.`),
      ]
    : [
        h("b", {}, "Connection lost."),
        " All is as of ",
        since,
        " UTC. ",
        more("Orders go on without this page; the stream resumes where it stopped, and nothing is missed."),
      ];
  const box = $("#banner");
  box.className = "banner on";
  fill(
    box,
    h("span", { class: "spin", "aria-hidden": "true" }),
    h("p", {}, words),
    wait,
    h("button", { class: "small", type: "button", onclick: retry }, "Try now"),
  );
  return wait;
}

function hide(id = "#banner") {
  $(id).className = "banner";
  fill($(id));
}

/** Tell something that stays until it has been read: lost history. */
export function announce(...words) {
  $("#news").className = "banner on";
  fill(
    $("#news"),
    h("p", {}, words),
    h("button", { class: "small", type: "button", onclick: () => hide("#news") }, "Understood"),
  );
}
