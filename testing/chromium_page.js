/**
 * A page in Chromium, for programs that run under Node and look at one.
 *
 * @module
 */

/**
 * Opens `url`, and closes the browser after `look`, which is given the page and
 * what the console complains of.
 */
export async function openPage(
  { playwright, executablePath, url, ...options },
  look,
) {
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
    const page = await browser.newPage(options);
    const complaints = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
    await look(page, complaints);
  } finally {
    await browser.close();
  }
}
