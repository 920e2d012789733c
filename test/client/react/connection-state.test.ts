import { describe, expect, it } from "vitest";
import {
  CONNECTING,
  connectionStateOf,
  mergedState,
  NOT_CONNECTED,
} from "../../../src/client/react/connection-state.js";
import { TidemarkError } from "../../../src/client/index.js";

const URL = "http://127.0.0.1:4000";
const LIVE = connectionStateOf({ kind: "live" }, URL);
const STALE = connectionStateOf({ kind: "stale", since: new Date(2_000) }, URL);

describe("The state of several watches", () => {
  it.each([
    ["stale if one of them is stale", [LIVE, CONNECTING, STALE], STALE],
    ["live while another one connects", [CONNECTING, LIVE, NOT_CONNECTED], LIVE],
    ["connecting while none is live", [NOT_CONNECTED, CONNECTING], CONNECTING],
  ])("is %s", (_name, states, expected) => {
    expect(mergedState(states)).toBe(expected);
  });

  it("is stale since the earliest time", () => {
    const earlier = connectionStateOf({ kind: "stale", since: new Date(1_000) }, URL);

    expect(mergedState([STALE, earlier, LIVE])).toBe(earlier);
  });
});

describe("The error of a connection state", () => {
  it("names the address and the cause if no server answers", () => {
    const { error } = connectionStateOf({ kind: "connecting", cause: new TypeError("fetch failed") }, URL);

    expect([error?.code, error?.message]).toEqual([
      "UNAVAILABLE",
      `No Tidemark server answers at ${URL} (fetch failed). Start one there, or pass its address as url to TidemarkProvider.`,
    ]);
  });

  it("is the error of the server if there is one", () => {
    const error = new TidemarkError("FORBIDDEN", "no");

    expect(connectionStateOf({ kind: "closed", error }, URL).error).toBe(error);
    expect(connectionStateOf({ kind: "stale", since: new Date(), cause: error }, URL).error).toBe(error);
  });
});
