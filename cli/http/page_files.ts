/**
 * The files of the page, as they are sent.
 *
 * @module
 */

import css from "./page/page.css" with { type: "text" };
import html from "./page/page.html" with { type: "text" };
import script from "./page/page.js" with { type: "text" };
import chartCss from "npm:uplot@1.6.32/dist/uPlot.min.css" with {
  type: "text",
};
import chart from "npm:uplot@1.6.32/dist/uPlot.iife.min.js" with {
  type: "text",
};

/** A file. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

const CSS = "text/css; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** By path. */
export const PAGE_FILES: Readonly<Record<string, PageFile>> = {
  "/": { type: "text/html; charset=utf-8", body: html },
  "/page.css": { type: CSS, body: css },
  "/page.js": { type: SCRIPT, body: script },
  "/uplot.css": { type: CSS, body: chartCss },
  "/uplot.js": { type: SCRIPT, body: chart },
};
