/** Makes the picture at the top of the README: `npm run screenshot`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrowser } from "../kit/browser/browser.js";
import { PROJECT } from "../kit/process/child-process.js";
import { openDemoServer } from "../kit/browser/demo-server.js";

const SIZE = { width: 1_400, height: 780 };

await takePicture();
process.exit(); // Chromium, which ends with the process, would keep it running

async function takePicture(): Promise<void> {
  await using demo = await openDemoServer();
  await using browser = await openBrowser();
  const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
  await page.goto(`${demo.server.url}/?database=production`);
  await page.getByRole("grid").waitFor();
  await page.locator(".connection").filter({ hasText: "Live" }).waitFor();
  mkdirSync(join(PROJECT, "docs"), { recursive: true });
  await page.screenshot({ path: join(PROJECT, "docs/dashboard.png") });
}
