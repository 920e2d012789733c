import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The address of the Tidemark server. */
const target = process.env["TIDEMARK_URL"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  plugins: [react()],
  // The page and the API have one origin, so the server needs no --allow-origin.
  server: { proxy: { "/graphql": { target, ws: true } } },
  preview: { proxy: { "/graphql": { target, ws: true } } },
});
