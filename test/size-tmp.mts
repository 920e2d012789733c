import { gzipSync } from "node:zlib";
import { bundleClient } from "./kit/browser/client-bundle.js";
for (const e of [["connect","leaf","task"],["watch"]]) console.log(e.join(), gzipSync(await bundleClient(e)).length);
