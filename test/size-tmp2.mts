import { bundleClient } from "./kit/browser/client-bundle.js";
const t = await bundleClient(["connect","leaf","task"]);
const strings = [...t.matchAll(/"(?:[^"\\]|\\.){30,}"|`(?:[^`\\]|\\.){30,}`/g)].map(m=>m[0]).sort((a,b)=>b.length-a.length);
console.log(t.length); for (const s of strings) console.log(s.length, s.slice(0,260));
