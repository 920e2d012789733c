import { errors, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { JwtRequirements, KeySource } from "./auth-spec.js";
import type { AuthenticatorOptions, JobShare } from "./authenticator.js";
import { BearerAuthenticator } from "./bearer-authenticator.js";
import { Caller, ROLES, type CallerRights } from "./caller.js";
import { openJwtKeys, type JwtKeys } from "./jwt-keys.js";
import {
  DATABASE_SCHEMA,
  JOB_ID_SCHEMA,
  DATABASE_PATTERN_SCHEMA,
  ROLE_SCHEMA,
  USERNAME_SCHEMA,
} from "./token-schemas.js";

export interface JwtAuthenticatorOptions extends AuthenticatorOptions {
  readonly jwt: JwtRequirements;
}

/**
 * For `--auth jwt:…`: JSON Web Tokens of an external issuer. Callers are cached until their token expires, so the
 * server checks a signature once and not for each request.
 */
export class JwtAuthenticator extends BearerAuthenticator {
  readonly #keys: JwtKeys;
  readonly #options: JwtAuthenticatorOptions;
  /** By the token's hash. */
  readonly #callers = new LRUCache<string, Caller>({ max: CACHED_CALLERS_MAX });

  /** @throws Error for keys that can't be used. */
  static async open(source: KeySource, options: JwtAuthenticatorOptions): Promise<JwtAuthenticator> {
    return new JwtAuthenticator(await openJwtKeys(source, options.jwt.algorithms), options);
  }

  private constructor(keys: JwtKeys, options: JwtAuthenticatorOptions) {
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
      requiredClaims: ["sub", "exp"],
    });
    const { sub, exp, iat, role, databases, job } = CLAIMS.parse(payload);
    if (iat !== undefined && iat > now / 1_000 + SKEW_S)
      throw new Error("the token was issued in the future");
    return {
      id: `jwt-${hash.slice(0, 16)}`,
      username: sub,
      role,
      databases,
      job: job && { username: sub, ...job },
      expiresAt: exp * 1_000,
    };
  }
}

/** Errors that are passed on unchanged: already a rejection, or not caused by the token. */
const PASSED_ON = new Set(["UNAUTHENTICATED", "UNAVAILABLE"]);

const NOT_THE_ISSUER =
  "This server cannot create tokens: it only accepts the tokens of another issuer (--auth jwt). Request a token with the claim `job` from that issuer, or send the address of the job to someone who can sign in.";

const CACHED_CALLERS_MAX = 10_000;

/** How far the issuer's clock may be ahead, in seconds. */
const SKEW_S = 5;

/** The claims of a token; times in seconds since 1970. */
const CLAIMS = z.object({
  sub: USERNAME_SCHEMA,
  exp: z.number(),
  iat: z.number().optional(),
  role: ROLE_SCHEMA,
  databases: z.preprocess(
    (list) => (typeof list === "string" ? list.split(",") : list),
    z.array(z.string().trim().pipe(DATABASE_PATTERN_SCHEMA)),
  ),
  job: z
    .object({ database: DATABASE_SCHEMA, username: USERNAME_SCHEMA.optional(), jobId: JOB_ID_SCHEMA })
    .transform(({ username, ...job }) => (username === undefined ? job : { ...job, username }))
    .optional(),
});

/** The reason for the log. It contains nothing of the token except the names of its claims. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return reasonOfClaim(error.issues[0]!); // there is one
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `invalid claim ${error.claim}`;
  if (error instanceof errors.JOSEError) return error.code;
  return error instanceof Error ? error.message : "unreadable token";
}

function reasonOfClaim({ path }: z.core.$ZodIssue): string {
  const claim = path.join(".");
  return claim === "role" ? `invalid claim role: expected ${ROLES.join(", ")}` : `invalid claim ${claim}`;
}
