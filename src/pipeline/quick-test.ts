/**
 * A string schema made of lengths and regular expressions alone, as a plain function: the same verdict at a tenth of the
 * cost. It may only say yes; on no, the schema itself is asked, and gives the reason.
 */
import type { core } from 'zod';

type CheckDef = { check: string } & Record<string, unknown>;

/** Undefined for schemas that are anything else. */
export function quickTest(schema: core.$ZodType): ((value: unknown) => boolean) | undefined {
  const inner = unwrapped(schema);
  const def = inner._zod.def as core.$ZodTypeDef & Partial<CheckDef> & { coerce?: boolean };
  if (def.type !== 'string' || def.check !== undefined || def.coerce === true) return undefined;
  const tests: ((text: string) => boolean)[] = [];
  for (const check of def.checks ?? []) {
    const test = testOf(check._zod.def as unknown as CheckDef);
    if (!test) return undefined;
    tests.push(test);
  }
  return (value) => typeof value === 'string' && tests.every((test) => test(value));
}

/** Nulls never come here, so wrappers that only admit them change nothing. */
function unwrapped(schema: core.$ZodType): core.$ZodType {
  const def = schema._zod.def as core.$ZodTypeDef & { innerType?: core.$ZodType };
  const wraps = (def.type === 'nullable' || def.type === 'optional') && def.innerType && !def.checks?.length;
  return wraps ? unwrapped(def.innerType!) : schema;
}

/** Zod counts characters, JavaScript code units: they differ where there are surrogates, and those are left to zod. */
function lengthTest(test: (length: number) => boolean): (text: string) => boolean {
  return (text) => test(text.length) && !/[\ud800-\udfff]/.test(text);
}

function testOf(def: CheckDef): ((text: string) => boolean) | undefined {
  const { minimum, maximum, length, pattern } = def;
  if (def.check === 'min_length' && typeof minimum === 'number') return lengthTest((n) => n >= minimum);
  if (def.check === 'max_length' && typeof maximum === 'number') return lengthTest((n) => n <= maximum);
  if (def.check === 'length_equals' && typeof length === 'number') return lengthTest((n) => n === length);
  // A global or sticky expression remembers where it stopped.
  const plain = pattern instanceof RegExp && !pattern.global && !pattern.sticky;
  if (def.check === 'string_format' && def.format === 'regex' && plain) return (text) => pattern.test(text);
  return undefined;
}
