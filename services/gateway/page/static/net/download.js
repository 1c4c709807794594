/** Save what an address answers as a file: with the key in a header, which a link cannot send. */

import { h } from "../lib/dom.js";
import { address, Problem, problemOf } from "./api.js";
import { identity } from "./session.js";

/** Save the answer of `path` under a name, and return whether that is all. Raises `Problem`. */
export async function download(path, name) {
  const request = `GET ${path.split("?")[0]}`;
  let answer, content;
  try {
    answer = await fetch(address(path), { headers: identity(), cache: "no-store", credentials: "omit" });
    if (!answer.ok) throw problemOf(answer, await answer.text(), request);
    content = await answer.blob();
  } catch (problem) {
    if (problem instanceof Problem) throw problem;
    throw new Problem({ status: 0, code: "BROKEN_OFF", title: "The file broke off", request });
  }
  const url = URL.createObjectURL(content);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // The browser reads it a moment later.
  return !answer.headers.get("Link")?.includes("next");
}
