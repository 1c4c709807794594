/**
 * Calls of the public API. Every failure is a `Problem`: also silence, also an answer of a proxy.
 */

import { setClock } from "../lib/clock.js";
import { hasKey, identity, refused } from "./session.js";

const DEADLINE_MS = 15_000;
const BASE = new URL(".", document.baseURI); // The page may lie below a path of a proxy.

/** Return the whole address of a path of the API. */
export const address = (path) => new URL(path.replace(/^\//, ""), BASE);

/** A call that failed: what the gateway said of it, or why it said nothing. */
export class Problem extends Error {
  constructor({
    status,
    code,
    title,
    detail = "",
    errors = [],
    orderId = null,
    retryAfterMs = null,
    request,
    told = {},
  }) {
    super(detail || title);
    Object.assign(this, { status, code, title, detail, errors, orderId, retryAfterMs, request, told, at: Date.now() });
  }

  /** Whether nothing came back: the gateway, or the way to it, is away. */
  get unreachable() {
    return this.status === 0 || /^HTTP_50[234]$/.test(this.code); // Or a proxy says so.
  }
}

/**
 * Call the API and return what it answers as JSON.
 *
 * `signal` of the caller ends the call with an `AbortError`; all else that fails is a `Problem`.
 */
export async function call(method, path, { body, headers = {}, signal, deadlineMs = DEADLINE_MS } = {}) {
  const request = `${method} ${path.split("?")[0]}`;
  const deadline = AbortSignal.timeout(deadlineMs);
  const sent = {
    method,
    headers: { Accept: "application/json", ...identity(), ...headers },
    signal: signal ? either(signal, deadline) : deadline,
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  };
  if (body !== undefined) {
    sent.headers["Content-Type"] = "application/json";
    sent.body = JSON.stringify(body);
  }
  let answer, said;
  try {
    answer = await fetch(address(path), sent);
    said = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw silent(request, deadline.aborted, deadlineMs);
  }
  if (answer.ok) return parsed(said, request);
  const problem = problemOf(answer, said, request);
  if (problem.status === 401) {
    refused(hasKey() ? "The gateway does not know this key, or not any more." : null);
  }
  throw problem;
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { ...options, body });

// AbortSignal.any is missing in browsers of 2023.
function either(one, other) {
  if (AbortSignal.any) return AbortSignal.any([one, other]);
  const both = new AbortController();
  for (const signal of [one, other]) signal.addEventListener("abort", () => both.abort(), { once: true });
  if (one.aborted) both.abort();
  return both.signal;
}

function silent(request, late, deadlineMs) {
  return new Problem({
    status: 0,
    code: late ? "NO_ANSWER" : "UNREACHABLE",
    title: late ? `No answer within ${deadlineMs / 1000} s` : "The gateway cannot be reached",
    request,
  });
}

function parsed(said, request) {
  try {
    const told = JSON.parse(said);
    if (told.now) setClock(told.now);
    return told;
  } catch {
    throw new Problem({ status: 0, code: "NOT_JSON", title: "Something else than the gateway answered", request });
  }
}

/** Return what went wrong, from an answer that is not good and what it said. */
export function problemOf(answer, said, request) {
  const after = Number(answer.headers.get("Retry-After"));
  const retryAfterMs = answer.headers.has("Retry-After") && after >= 0 ? after * 1000 : null;
  let told = {};
  try {
    told = JSON.parse(said) ?? {};
  } catch {
    // A proxy's page: its status is all that counts.
  }
  const { code = `HTTP_${answer.status}`, title = `HTTP ${answer.status}`, detail, errors, orderId } = told;
  return new Problem({ status: answer.status, code, title, detail, errors, orderId, retryAfterMs, request, told });
}
