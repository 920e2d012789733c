/**
 * Opens a folder with LMDB. The build replaces this file by one that contains the library (packages/bundle-lmdb.ts): as a dependency,
 * the library would make npm warn, at each installation, about scripts that compile it. It comes compiled.
 */
export { open as openLmdb } from "lmdb";
