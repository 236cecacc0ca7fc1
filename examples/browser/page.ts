/**
 * The page's own thread: the button, and what the worker says.
 *
 * @module
 */

/// <reference lib="dom" />

import type { Answer } from "./worker.ts";

function element<E extends Element>(selector: string): E {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return found;
}

const button = element<HTMLButtonElement>("#run");
const input = element<HTMLInputElement>("#text");
const lines = element<HTMLPreElement>("#lines");

const worker = new Worker("worker.js", { type: "module" });

button.addEventListener("click", () => {
  button.disabled = true;
  lines.textContent = "";
  worker.postMessage(input.value);
});

worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
  if (data.line !== undefined) lines.textContent += `${data.line}\n`;
  if (data.done) button.disabled = false;
});

worker.addEventListener("error", ({ message }) => {
  lines.textContent += `${message}\n`;
  button.disabled = false;
});
