import type { JWTPayload } from "jose";
import { DEFAULT_LIMITS } from "../protocol/limits.js";
import { parseDatabasePattern } from "../tasks/database-pattern.js";
import { parseUsername, type Username } from "../tasks/names.js";
import { ROLES, type CallerRights, type Role } from "./caller.js";

/**
 * How the claims of a JSON Web Token become rights. Issuers disagree on names and values: one sends
 * `{ "role": "admin" }`, another `{ "realm_access": { "roles": ["ops"] } }`, a third nothing at all.
 */
export interface ClaimMapping {
  /** The claim with the name of the user. A dot leads into an object: `realm_access.roles`. */
  readonly usernameClaim: string;
  /** The claim with the roles: one text, several separated by commas, or a list. */
  readonly roleClaim: string;
  /** The role of each value; undefined: the values are roles. */
  readonly roles: Targets<Role> | undefined;
  /** The claim with the databases, in the same forms. */
  readonly databasesClaim: string;
  /** The database pattern of each value; undefined: the values are patterns. */
  readonly databases: Targets<string> | undefined;
}

/** What each value of a claim grants. The value `*` stands for every user, with or without the claim. */
export type Targets<T> = readonly { readonly value: string; readonly target: T }[];

/** The token is valid, but its claims grant nothing. The message names the claim and the setting. */
export class UselessClaimError extends Error {}

/** @throws UselessClaimError if the claims name no valid user, no role or no database. */
export function rightsInClaims(
  claims: JWTPayload,
  mapping: ClaimMapping,
): Pick<CallerRights, "username" | "role" | "databases"> {
  return {
    username: usernameIn(claims, mapping),
    role: roleIn(claims, mapping),
    databases: databasesIn(claims, mapping),
  };
}

function usernameIn(claims: JWTPayload, { usernameClaim: claim }: ClaimMapping): Username {
  if (claim === "email" && claims["email_verified"] === false)
    throw new UselessClaimError("the issuer has not verified the address in its claim email");
  const name = claimAt(claims, claim);
  const username = typeof name === "string" ? attempt(() => parseUsername(name, DEFAULT_LIMITS)) : undefined;
  if (username !== undefined) return username;
  throw new UselessClaimError(`its claim ${claim} has no valid username (--jwt-username-claim)`);
}

/** The highest role. Values that grant none are ignored, because issuers also send those of other applications. */
function roleIn(claims: JWTPayload, { roleClaim: claim, roles }: ClaimMapping): Role {
  const granted = grantedBy(claims, claim, roles, (value) => ROLES.find((role) => role === value));
  const highest = ROLES.findLast((role) => granted.includes(role));
  if (highest) return highest;
  const expected = roles ? "a value that --jwt-roles maps to a role" : `${ROLES.join(", ")} (--jwt-roles)`;
  throw new UselessClaimError(`its claim ${claim} grants no role: expected ${expected}`);
}

function databasesIn(claims: JWTPayload, { databasesClaim: claim, databases }: ClaimMapping): string[] {
  const granted = grantedBy(claims, claim, databases, (value) => attempt(() => parseDatabasePattern(value)));
  if (granted.length > 0) return [...new Set(granted)];
  const expected = databases
    ? "a value that --jwt-databases maps to a database"
    : "names or patterns of databases (--jwt-databases)";
  throw new UselessClaimError(`its claim ${claim} grants no database: expected ${expected}`);
}

function grantedBy<T>(
  claims: JWTPayload,
  claim: string,
  targets: Targets<T> | undefined,
  parse: (value: string) => T | undefined,
): T[] {
  const values = valuesOf(claimAt(claims, claim));
  if (!targets) return values.flatMap((value) => parse(value) ?? []);
  return targets
    .filter(({ value }) => value === EVERYONE || values.includes(value))
    .map(({ target }) => target);
}

const EVERYONE = "*";

function valuesOf(claim: unknown): string[] {
  const values: unknown[] = typeof claim === "string" ? claim.split(",") : Array.isArray(claim) ? claim : [];
  return values.filter((value) => typeof value === "string").map((value) => value.trim());
}

/** Prefers the claim with exactly this name: the claims of Auth0 are addresses, such as `https://example.com/roles`. */
function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path.split(".").reduce<unknown>((value, name) => {
    const isObject = typeof value === "object" && value !== null;
    return isObject ? (value as Record<string, unknown>)[name] : undefined;
  }, claims);
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
