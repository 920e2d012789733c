import { errors, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { JwtRequirements } from "./auth-spec.js";
import type { AuthenticatorOptions, JobShare } from "./authenticator.js";
import { BearerAuthenticator } from "./bearer-authenticator.js";
import { Caller, type CallerRights } from "./caller.js";
import { rightsInClaims, UselessClaimError, type ClaimMapping } from "./claim-mapping.js";
import { InvalidTokenError } from "./invalid-token-error.js";
import type { JwtKeys } from "./jwt-keys.js";
import { DATABASE_SCHEMA, JOB_ID_SCHEMA, USERNAME_SCHEMA } from "./token-schemas.js";

export interface JwtAuthenticatorOptions extends AuthenticatorOptions {
  readonly jwt: JwtRequirements & ClaimMapping;
}

/**
 * For `--auth jwt:…` and for an OpenID provider: JSON Web Tokens of an external issuer. Callers are cached until their token expires, so the
 * server checks a signature once and not for each request.
 */
export class JwtAuthenticator extends BearerAuthenticator {
  readonly #keys: JwtKeys;
  readonly #options: JwtAuthenticatorOptions;
  /** By the token's hash. */
  readonly #callers = new LRUCache<string, Caller>({ max: CACHED_CALLERS_MAX });

  constructor(keys: JwtKeys, options: JwtAuthenticatorOptions) {
    super();
    this.#keys = keys;
    this.#options = options;
  }

  async shareJob(): Promise<JobShare> {
    throw new TidemarkError("FORBIDDEN", NOT_THE_ISSUER);
  }

  close(): void {
    this.#callers.clear();
  }

  protected findKnown(hash: string): Caller | undefined {
    return this.#callers.get(hash);
  }

  protected async verify(token: string, hash: string): Promise<Caller> {
    try {
      const caller = this.requireValid(new Caller(await this.#rightsIn(token, hash), this.#options.clock));
      this.#callers.set(hash, caller);
      return caller;
    } catch (error) {
      if (error instanceof TidemarkError && PASSED_ON.has(error.code)) throw error;
      if (error instanceof UselessClaimError)
        throw InvalidTokenError.withoutRights(error.message, idOf(hash));
      return this.reject(reasonOf(error));
    }
  }

  async #rightsIn(token: string, hash: string): Promise<CallerRights> {
    const { clock, jwt } = this.#options;
    const now = clock.now();
    const { payload } = await jwtVerify(token, this.#keys.find, {
      algorithms: [...this.#keys.algorithms],
      issuer: jwt.issuer,
      audience: jwt.audience,
      currentDate: new Date(now),
      clockTolerance: SKEW_S,
      requiredClaims: ["exp"],
    });
    const { exp, iat, job } = CLAIMS.parse(payload);
    if (iat !== undefined && iat > now / 1_000 + SKEW_S)
      throw new Error("the token was issued in the future");
    const rights = rightsInClaims(payload, jwt);
    return {
      id: idOf(hash),
      ...rights,
      job: job && { username: rights.username, ...job },
      expiresAt: exp * 1_000,
    };
  }
}

function idOf(hash: string): string {
  return `jwt-${hash.slice(0, 16)}`;
}

/** Errors that are passed on unchanged: already a rejection, or not caused by the token. */
const PASSED_ON = new Set(["UNAUTHENTICATED", "UNAVAILABLE"]);

const NOT_THE_ISSUER =
  "This server cannot create tokens: it only accepts the tokens of another issuer (--auth jwt or oidc). Request a token with the claim `job` from that issuer, start the server with --auth tokens:FILE beside --oidc-issuer, or send the address of the job to someone who can sign in.";

const CACHED_CALLERS_MAX = 10_000;

/** How far the issuer's clock may be ahead, in seconds. */
const SKEW_S = 30;

/** The claims that do not depend on the issuer; times in seconds since 1970. */
const CLAIMS = z.object({
  exp: z.number(),
  iat: z.number().optional(),
  job: z
    .object({ database: DATABASE_SCHEMA, username: USERNAME_SCHEMA.optional(), jobId: JOB_ID_SCHEMA })
    .transform(({ username, ...job }) => (username === undefined ? job : { ...job, username }))
    .optional(),
});

/** The reason for the log. It contains nothing of the token except the names of its claims. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return `invalid claim ${error.issues[0]?.path.join(".")}`;
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `invalid claim ${error.claim}`;
  if (error instanceof errors.JOSEError) return error.code;
  return error instanceof Error ? error.message : "unreadable token";
}
