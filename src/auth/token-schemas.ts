import { z } from "zod";
import { DEFAULT_LIMITS } from "../protocol/limits.js";
import { parseDatabasePattern } from "../tasks/database-pattern.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../tasks/names.js";
import { ROLES } from "./caller.js";

/** Schemas of the fields that all kinds of tokens share, in a file or in claims. */
export const DATABASE_SCHEMA = z.string().transform((text) => parseDatabaseName(text, DEFAULT_LIMITS));
export const USERNAME_SCHEMA = z.string().transform((text) => parseUsername(text, DEFAULT_LIMITS));
export const JOB_ID_SCHEMA = z.string().transform((text) => parseJobId(text, DEFAULT_LIMITS));
export const DATABASE_PATTERN_SCHEMA = z.string().transform((text) => parseDatabasePattern(text));
export const ROLE_SCHEMA = z.enum(ROLES);
