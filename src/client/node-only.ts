/**
 * The parts of the SDK for Node.js only. They are imported on demand, and the field `browser` of package.json replaces them
 * with `browser-only.ts`, so that no bundle for browsers contains it. The dashboard, which compiles them too, has no types of
 * Node.js.
 */
/// <reference types="node" />
export { watchExit } from "./report/exit-reports.js";
export { NodeSocket } from "./transport/node/node-socket.js";
