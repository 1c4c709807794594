/** Ask for an API key. It stays in memory: a reload of the page forgets it. */

import { $, fill, h, root } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { get } from "../net/api.js";
import { setKey } from "../net/session.js";

let asking = false;

/** Show the form instead of all panels; `entered` is called with a key that is good. */
export function askForKey(why, entered) {
  if (asking) return tell(why);
  asking = true;
  root.dataset.access = "closed";
  const field = h("input", {
    id: "key",
    type: "password",
    required: true,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "key-help key-issue",
  });
  const issue = h("p", { class: "issue", id: "key-issue", role: "alert" });
  const button = h("button", { class: "primary wide", type: "submit" }, icon("key"), "Sign in");
  const form = h(
    "form",
    { class: "sign-in", "aria-labelledby": "key-title" },
    h("h2", { id: "key-title" }, "Sign in"),
    h("p", {}, "This gateway asks for an API key. The page then shows what the key may see."),
    h("label", { for: "key", class: "label" }, "API key"),
    field,
    issue,
    button,
    h(
      "p",
      { class: "note", id: "key-help" },
      "The key stays in this tab's memory and is sent in a header, never in an address. A reload forgets it. ",
      h("code", {}, "slipstream keys new"),
      " makes one.",
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter(field, issue, button, entered);
  });
  fill($("#sign-in"), form);
  tell(why);
  field.focus();
}

async function enter(field, issue, button, entered) {
  button.disabled = true;
  issue.textContent = "";
  setKey(field.value.trim());
  try {
    await get("/api/tokens"); // Needs a key, and neither database nor chain.
    asking = false;
    delete root.dataset.access;
    fill($("#sign-in"));
    entered();
  } catch (problem) {
    if (problem.status === 503) {
      issue.textContent = `The key was not judged: ${problem.title} (${problem.code}). Try again in a moment.`;
    } else if (problem.status !== 401) {
      issue.textContent = `${problem.title} (${problem.code}).`;
    }
    field.select();
  } finally {
    button.disabled = false;
  }
}

function tell(why) {
  const issue = $("#key-issue");
  if (issue && why) issue.textContent = why;
}
