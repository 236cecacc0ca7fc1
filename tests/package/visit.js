/**
 * Opens a page in Chromium, presses its button, and prints as JSON what stands on
 * the page then and what its console said. Runs under Node:
 *
 *     visit.js PLAYWRIGHT CHROMIUM URL BUTTON OUTPUT PATTERN
 *
 * @module
 */

const [playwright, executablePath, url, button, output, pattern] = process.argv
  .slice(2);
const { chromium } = await import(playwright);

const browser = await chromium.launch({
  executablePath,
  args: [
    ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update"],
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  await page.click(button);
  const text = await page.waitForFunction(
    ([selector, pattern]) => {
      const { textContent } = document.querySelector(selector);
      return new RegExp(pattern).test(textContent) && textContent;
    },
    [output, pattern],
    { timeout: 30_000 },
  );
  const isIsolated = await page.evaluate(() => globalThis.crossOriginIsolated);
  console.log(JSON.stringify({
    ...{ text: await text.jsonValue(), complaints, isIsolated },
  }));
} finally {
  await browser.close();
}
