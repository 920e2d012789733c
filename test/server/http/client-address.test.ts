import { describe, expect, it } from "vitest";
import { clientAddressOf } from "../../../src/server/http/client-address.js";

describe("The client address for limits", () => {
  it.each([
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:DB8:0001:2::5", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["1::203.0.113.9", "1:0:0:0"],
    [undefined, ""],
  ])("for %s is %s", (address, counted) => {
    expect(clientAddressOf(address)).toBe(counted);
  });
});
