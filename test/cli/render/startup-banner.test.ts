import { describe, expect, it } from "vitest";
import { startupBanner } from "../../../src/cli/render/startup-banner.js";

describe("the startup banner", () => {
  it("shows the store without its password", () => {
    const store = "postgres://tidemark:s3cret@db.example/jobs?sslpassword=s3cret";
    const banner = startupBanner({ url: "http://127.0.0.1:4000", dashboard: true, store, readyMs: 1 });

    expect(banner).toContain("postgres://tidemark:***@db.example/jobs?sslpassword=***");
    expect(banner).not.toContain("s3cret");
  });
});
