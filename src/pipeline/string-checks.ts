/**
 * What a string schema of zod consists of, for the quick ways past it. `quick-parse.ts` and `byte-proof.ts` call it. It
 * must never leave a check out.
 */
import type { core } from 'zod';

/** A check as zod keeps it. */
export type CheckDef = { check: string } & Record<string, unknown>;

/**
 * Nulls never come to a quick way, so wrappers that only admit them change nothing.
 * @param schema a zod schema of one column
 * @returns the schema within
 */
export function unwrapped(schema: core.$ZodType): core.$ZodType {
  const def = schema._zod.def as core.$ZodTypeDef & { innerType?: core.$ZodType };
  const wraps = (def.type === 'nullable' || def.type === 'optional') && def.innerType && !def.checks?.length;
  return wraps ? unwrapped(def.innerType!) : schema;
}

/**
 * The checks of a string schema in their order, its own first.
 * @param schema a zod schema of one column
 * @returns the checks; undefined for any other schema
 */
export function stringChecks(schema: core.$ZodType): CheckDef[] | undefined {
  const def = schema._zod.def as core.$ZodTypeDef & Partial<CheckDef> & { coerce?: boolean };
  if (def.type !== 'string' || def.coerce === true) return undefined;
  const own = def.check === undefined ? [] : [def as CheckDef];
  return [...own, ...(def.checks ?? []).map((check) => check._zod.def as unknown as CheckDef)];
}
