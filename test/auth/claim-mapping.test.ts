import { describe, expect, it } from "vitest";
import { rightsInClaims, type ClaimMapping } from "../../src/auth/claim-mapping.js";
import { configOf } from "../kit/server/server.js";

const KEYCLOAK = {
  jwtUsernameClaim: "preferred_username",
  jwtRoleClaim: "realm_access.roles",
  jwtRoles: "ops=admin,dev=reporter,*=viewer",
  jwtDatabasesClaim: "groups",
  jwtDatabases: "film-team=movies,film-team=trailers-*,*=public",
};

describe("The claims of a token", () => {
  it("grant the highest of their roles and all of their databases, by name or through an object", () => {
    const roles = ["offline_access", "dev", "ops"];
    const claims = {
      preferred_username: "ada",
      realm_access: { roles },
      groups: ["film-team", "chess-club"],
    };

    expect(rightsInClaims(claims, mappingOf(KEYCLOAK))).toEqual({
      username: "ada",
      role: "admin",
      databases: ["movies", "trailers-*", "public"],
    });
  });

  it("grant everyone what the value * maps to, even without the claims", () => {
    expect(rightsInClaims({ preferred_username: "ada" }, mappingOf(KEYCLOAK))).toEqual({
      username: "ada",
      role: "viewer",
      databases: ["public"],
    });
  });

  it("are found by their exact name before a path", () => {
    const mapping = mappingOf({ jwtRoleClaim: "https://example.com/roles" });
    const claims = { sub: "ada", "https://example.com/roles": "reporter", databases: "*" };

    expect(rightsInClaims(claims, mapping).role).toBe("reporter");
  });

  it.each<[string, Record<string, string>, Record<string, unknown>, string]>([
    [
      "no mapped role",
      { jwtRoles: "ops=admin" },
      { role: ["admin"] },
      "its claim role grants no role: expected a value that --jwt-roles maps to a role",
    ],
    [
      "no mapped database",
      { jwtDatabases: "ops=*" },
      { databases: ["*"] },
      "expected a value that --jwt-databases maps to a database",
    ],
    ["an object as its name", { jwtUsernameClaim: "realm" }, { realm: { name: "ada" } }, "no valid username"],
    [
      "an unverified address as its name",
      { jwtUsernameClaim: "email" },
      { email: "root@example.com", email_verified: false },
      "the issuer has not verified the address",
    ],
  ])("grant nothing with %s", (_, flags, claims, reason) => {
    const complete = { sub: "ada", role: "viewer", databases: "*", ...claims };

    expect(() => rightsInClaims(complete, mappingOf(flags))).toThrow(reason);
  });
});

function mappingOf(flags: Record<string, string>): ClaimMapping {
  return configOf(flags).jwt;
}
