/**
 * Watches the page of a device in Chromium, and prints as JSON what was seen and
 * what its console said. Runs under Node:
 *
 *     watch.js PLAYWRIGHT CHROMIUM URL TOKEN SECONDS [PICTURE]
 *
 * @module
 */

import { openPage } from "../../testing/chromium_page.js";

const [playwright, executablePath, url, token, seconds, picture] = process.argv
  .slice(2);

await openPage({
  playwright,
  executablePath,
  url,
  viewport: { width: 1180, height: 860 },
}, async (page, complaints) => {
  const timeout = 30_000;
  const texts = () =>
    page.evaluate(() => ({
      state: document.querySelector("#state").textContent,
      guests: document.querySelectorAll("#guests tbody tr").length,
      shown: document.querySelectorAll("#guests tbody tr:not([hidden])").length,
      backends: [...document.querySelectorAll("#backends tbody tr")]
        .map((row) => row.innerText),
      requests: document.querySelector("#figures b")?.textContent,
      legends: [...document.querySelectorAll(".u-legend .u-label")]
        .map((label) => label.textContent),
      injected: document.querySelectorAll("img, main script").length,
      log: document.querySelector("#log").textContent,
      ground: getComputedStyle(document.body).backgroundColor,
    }));
  await page.waitForSelector("#requests canvas", { timeout });
  const seen = [];
  for (let i = 0; i < 3; i++) {
    seen.push((await texts()).requests);
    await page.waitForTimeout(1100);
  }
  await page.waitForTimeout(1000 * Number(seconds));
  await page.fill("#token", token);
  await page.click("#token-form button");
  await page.waitForFunction(
    () => document.querySelector("#log").textContent !== "",
    undefined,
    { timeout },
  );
  const light = await texts();
  await page.evaluate(() => scrollTo(0, 0));
  if (picture) await page.screenshot({ path: picture });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.fill("#filter", "guest-7");
  await page.setViewportSize({ width: 500, height: 900 });
  const dark = await texts();
  if (picture) await page.screenshot({ path: `${picture}.dark.png` });
  console.log(JSON.stringify({ ...{ seen, light, dark, complaints } }));
});
