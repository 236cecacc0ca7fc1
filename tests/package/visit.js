/**
 * Opens a page in Chromium, presses its button, and prints as JSON what stands on
 * the page then and what its console said. Runs under Node:
 *
 *     visit.js PLAYWRIGHT CHROMIUM URL BUTTON OUTPUT PATTERN
 *
 * @module
 */

import { openPage } from "../../testing/chromium_page.js";

const [playwright, executablePath, url, button, output, pattern] = process.argv
  .slice(2);

await openPage(
  { playwright, executablePath, url },
  async (page, complaints) => {
    await page.click(button);
    const text = await page.waitForFunction(
      ([selector, pattern]) => {
        const { textContent } = document.querySelector(selector);
        return new RegExp(pattern).test(textContent) && textContent;
      },
      [output, pattern],
      { timeout: 30_000 },
    );
    const isIsolated = await page.evaluate(() =>
      globalThis.crossOriginIsolated
    );
    console.log(JSON.stringify({
      ...{ text: await text.jsonValue(), complaints, isIsolated },
    }));
  },
);
