/** Icons on a grid of 16, drawn in the colour of the text. They are hidden from screen readers. */

import { svg } from "./dom.js";

const PATHS = {
  search: "M7 12.2A5.2 5.2 0 1 0 7 1.800a5.2 5.2 0 0 0 0 10.400Zm3.8-1.4 3.4 3.4",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.9 13 13M13 3l-1.1 1.100M4.1 11.9 3 13",
  moon: "M13.5 9.500A6 6 0 0 1 6.5 2.500a6 6 0 1 0 7 7Z",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M5.5 5.500h7.200v8.200H5.500zM3.3 10.500V2.300h7.2",
  check: "m3.5 8.4 3 3 6-6.6",
  chevron: "m6 3.5 4.5 4.500L6 12.5",
  up: "m3.5 10 4.5-4.500L12.5 10",
  down: "m3.5 6 4.5 4.500L12.5 6",
  swap: "M5 2.500v11M5 13.500l-2.6-2.600M5 13.500l2.6-2.600M11 13.500v-11M11 2.5 8.4 5.100M11 2.500l2.6 2.6",
  key: "M6.2 9.800a3.3 3.3 0 1 1 1.5 1.200L6.4 12.300H5v1.500H2.500v-2.300ZM10.6 5.600h.01",
  list: "M2.5 4h11M2.5 8h11M2.5 12h7",
  chart: "M2 12.5 6 8l3 2.5 5-6",
  gauge: "M2.2 12a6 6 0 1 1 11.6 0M8 10l2.6-3.2",
  stack: "M8 2 2 5l6 3 6-3-6-3ZM2 8l6 3 6-3M2 11l6 3 6-3",
  help: "M5.2 5.600a2.8 2.8 0 1 1 4 2.500c-.8.4-1.2.9-1.2 1.700v.4M8 13h.01",
  flask: "M6 2h4M6.7 2v4.200L3 13a.8.8 0 0 0 .7 1.200h8.600A.8.8 0 0 0 13 13L9.3 6.200V2",
  out: "M6 3.500h6.500V10M12.5 3.500l-9 9",
  file: "M4 1.800h5l3 3v9.400H4zM9 1.800v3h3",
};

/** Return an icon by its name; `size` in px. */
export const icon = (name, size = 16) =>
  svg(
    "svg",
    { viewBox: "0 0 16 16", width: size, height: size, class: "icon", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
