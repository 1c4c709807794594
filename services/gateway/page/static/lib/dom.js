/**
 * Build and change the document without `innerHTML`: text is always text.
 *
 * Styles are set through the CSSOM (`vars`), which the policy `style-src 'self'` allows.
 */

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector, root = document) => root.querySelector(selector);

/** Return a new element. `props`: attributes, `onEVENT` listeners, `vars` custom properties. */
export const h = (tag, props, ...kids) => filled(document.createElement(tag), props, kids);

/** Return a new element of SVG, otherwise as `h`. */
export const svg = (tag, props, ...kids) => filled(document.createElementNS(SVG, tag), props, kids);

/** Return what is worth showing of children: nested lists are flat, nothings are left out. */
export const shown = (kids) => kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false);

/** Put other children into a node. */
export const fill = (node, ...kids) => node.replaceChildren(...shown(kids));

/** Write a text, unless it is there already: writing costs a layout. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set custom properties, `{"--x": "3%"}`. */
export function style(node, vars) {
  for (const [name, value] of Object.entries(vars)) {
    if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value);
  }
}

/** Set an attribute to a value, or take it away for null. */
export function mark(node, name, value) {
  if (value === null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function filled(node, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "vars") style(node, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...shown(kids));
  return node;
}

export const root = document.documentElement;
export const calm = matchMedia("(prefers-reduced-motion: reduce)");
export const phone = matchMedia("(max-width: 760px)");

/** Return the value of a custom property of the page, such as a colour of the theme. */
export const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
