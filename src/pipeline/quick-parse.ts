/**
 * A string schema made of lengths, regular expressions and overwrites (`.trim()`, `.toLowerCase()`) alone, as a plain
 * function: the same result at a tenth of the cost. It may only say yes; on no, the schema itself is asked, and gives
 * the reason. `contract.ts` makes the functions and the split runs them.
 */
import type { core } from 'zod';
import { type CheckDef, stringChecks, unwrapped } from './string-checks.ts';

/** What the schema makes of a text; undefined where the schema itself is to be asked. */
export type QuickParse = (text: string) => string | undefined;

/** Formats that are no more than their expression. */
const expressions = ['regex', 'email'];

/**
 * Makes the plain function that a schema allows.
 * @param schema a zod schema of one column
 * @returns the function; undefined for a schema that is anything else
 */
export function quickParse(schema: core.$ZodType): QuickParse | undefined {
  const inner = unwrapped(schema);
  if (inner._zod.def.type === 'pipe') {
    const { in: before, out: after } = inner._zod.def as core.$ZodPipeDef;
    return inTurn([quickParse(before), quickParse(after)]);
  }
  const checks = stringChecks(inner);
  return checks && inTurn(checks.map(stepOf));
}

/** One step after the other; undefined where one is not understood. */
function inTurn(steps: (QuickParse | undefined)[]): QuickParse | undefined {
  const known = steps.filter((step) => step !== undefined);
  if (known.length < steps.length) return undefined;
  return (text) => {
    let value: string | undefined = text;
    for (let i = 0; i < known.length && value !== undefined; i++) value = known[i]!(value);
    return value;
  };
}

function testing(test: (text: string) => boolean): QuickParse {
  return (text) => (test(text) ? text : undefined);
}

/** Zod counts characters, JavaScript code units: they differ where there are surrogates, and those are left to zod. */
function lengthTest(test: (length: number) => boolean): QuickParse {
  return testing((text) => test(text.length) && !/[\ud800-\udfff]/.test(text));
}

function stepOf(def: CheckDef): QuickParse | undefined {
  const { minimum, maximum, length, pattern, tx } = def;
  if (def.check === 'min_length' && typeof minimum === 'number') return lengthTest((n) => n >= minimum);
  if (def.check === 'max_length' && typeof maximum === 'number') return lengthTest((n) => n <= maximum);
  if (def.check === 'length_equals' && typeof length === 'number') return lengthTest((n) => n === length);
  // A check that passes may as well have been skipped by its `when`; an overwrite may not.
  if (def.check === 'overwrite' && typeof tx === 'function' && def.when === undefined)
    return overwriting(tx as (text: string) => unknown);
  // A global or sticky expression remembers where it stopped.
  const plain = pattern instanceof RegExp && !pattern.global && !pattern.sticky;
  const expression = def.check === 'string_format' && expressions.includes(def.format as string);
  return expression && plain ? testing((text) => pattern.test(text)) : undefined;
}

/** A function that throws, or gives no text, is zod's to report. */
function overwriting(tx: (text: string) => unknown): QuickParse {
  return (text) => {
    try {
      const value = tx(text);
      return typeof value === 'string' ? value : undefined;
    } catch {
      return undefined;
    }
  };
}
