import { openBrowser } from "../kit/browser/browser.js";
import { startServer } from "../kit/server/server.js";
import { connect, leaf, task } from "../../src/client/index.js";
const server = await startServer();
const browser = await openBrowser();
const tidemark = connect({ url: server.url });
async function shoot(name: string, address: string, act?: (p: any) => Promise<void>) {
  for (const [w, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"]] as const) {
    const page = await browser.newPage({ viewport: { width: w, height: w === 390 ? 780 : 800 }, colorScheme: scheme });
    await page.goto(server.url + "/" + address);
    await page.waitForTimeout(1500);
    await act?.(page);
    await page.screenshot({ path: `/tmp/shot-${name}-${w}-${scheme}.png` });
    await page.close();
  }
}
await shoot("empty", "");
const job = tidemark.job({ jobId: "import-1" }, task("Import", leaf("read", { volume: 500 }), leaf("write")));
await shoot("waiting", "?database=default&job=import-1");
job.task.sub("read").advance(120);
job.task.sub("read").message("people.csv");
job.log.warn("Row 17 has no name");
const other = connect({ url: server.url, database: "staging" }).job({ jobId: "x" }, leaf("Backup", {volume: 10}));
other.advance(3);
await Promise.all([job.flush(), other.flush()]);
await shoot("list", "?database=default");
await shoot("job", "?database=default&job=import-1");
await shoot("other", "?database=nothing");
await shoot("help", "?database=default", async (p) => { await p.keyboard.press("?"); await p.waitForTimeout(300); });
process.exit(0);
