/**
 * What the checks of a zod schema (`.min()`, `.trim()`, `.refine()`, formats) mean for a column. `schema.ts` calls it.
 * A check that is not known must count as one that may refuse.
 */
import type { core } from 'zod';
import { isAsync, refuse } from './refuse.ts';

/** Inclusive. */
export interface NumberBounds {
  min?: number;
  max?: number;
}

/** What the checks of a schema do. */
export interface CheckFacts {
  /** Some check may change values. */
  changes: boolean;
  /** Some check is more than a bound that `bounds` states exactly. */
  other: boolean;
  /** Some check is a bound. */
  bounded: boolean;
  bounds: NumberBounds;
  integer: boolean;
  width: 'int32' | 'int64' | undefined;
}

type CheckDef = { check: string } & Record<string, unknown>;

/** Checks whose only effect is to refuse a value. What is not listed may change values. */
const refusingOnly = new Set([
  'multiple_of',
  'max_size',
  'min_size',
  'size_equals',
  'max_length',
  'min_length',
  'length_equals',
  'string_format',
  'property',
  'properties',
]);

/** Inclusive ranges of zod's number formats that are narrower than a safe integer. */
const formatRanges: Record<string, [number, number]> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/**
 * What the checks of a schema say of a column.
 * @param schema a zod schema of one column
 * @param field path of the field in the declaration, for errors
 * @returns the facts
 * @throws `InvalidPipeline` at `field`, for an async check
 */
export function checkFacts(schema: core.$ZodType, field: string): CheckFacts {
  const facts: CheckFacts = {
    changes: false,
    other: false,
    bounded: false,
    bounds: {},
    integer: false,
    width: undefined,
  };
  const def = schema._zod.def as core.$ZodTypeDef & Partial<CheckDef>;
  const all: { def: CheckDef; run: unknown }[] = (def.checks ?? []).map((check) => ({
    def: check._zod.def as unknown as CheckDef,
    run: check._zod.check,
  }));
  // A schema that is a format (z.email(), z.int()) is its own first check; z.custom()'s own is its type.
  if (def.check !== undefined && def.type !== 'custom') all.unshift({ def: def as CheckDef, run: undefined });
  for (const { def: check } of all)
    if (check.format === 'safeint' || formatRanges[String(check.format)]) facts.integer = true;
  for (const check of all) readCheck(check.def, check.run, facts, field);
  return facts;
}

function readCheck(check: CheckDef, run: unknown, facts: CheckFacts, field: string): void {
  const refineFn = check.fn;
  if (isAsync(refineFn) || isAsync(run)) {
    refuse(field, 'has an async check', 'Use a plain function: values are checked at once.');
  }
  switch (check.check) {
    case 'describe':
    case 'meta':
      return;
    case 'greater_than':
    case 'less_than':
      readBound(check, facts);
      return;
    case 'number_format':
      readNumberFormat(String(check.format), facts);
      return;
    case 'bigint_format':
      // An int64 holds what any Parquet integer column read as a bigint holds, but for UINT64.
      facts.other = true;
      return;
    case 'custom':
      // .refine() only refuses; .superRefine() and .check() are given the payload and may write to it.
      facts.other = true;
      if (typeof refineFn !== 'function') facts.changes = true;
      return;
    default:
      facts.other = true;
      // The URL format trims, and normalises when asked to.
      if (!refusingOnly.has(check.check) || check.format === 'url') facts.changes = true;
  }
}

function readBound(check: CheckDef, facts: CheckFacts): void {
  const { value, inclusive } = check;
  if (typeof value !== 'number' || !(inclusive || facts.integer)) {
    facts.other = true;
    return;
  }
  facts.bounded = true;
  if (check.check === 'greater_than') {
    tighten(facts.bounds, inclusive ? value : Math.floor(value) + 1, undefined);
  } else {
    tighten(facts.bounds, undefined, inclusive ? value : Math.ceil(value) - 1);
  }
}

function readNumberFormat(format: string, facts: CheckFacts): void {
  if (format === 'safeint') {
    facts.width ??= 'int64';
    return;
  }
  const range = formatRanges[format];
  if (!range) {
    // float32's range is checked by running the schema; float64 says no more than number does.
    if (format !== 'float64') facts.other = true;
    return;
  }
  facts.bounded = true;
  facts.width = format === 'int32' ? 'int32' : 'int64';
  tighten(facts.bounds, range[0], range[1]);
}

function tighten(bounds: NumberBounds, min: number | undefined, max: number | undefined): void {
  if (min !== undefined) bounds.min = Math.max(bounds.min ?? Number.NEGATIVE_INFINITY, min);
  if (max !== undefined) bounds.max = Math.min(bounds.max ?? Number.POSITIVE_INFINITY, max);
}
