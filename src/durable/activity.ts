/**
 * Defines what an activity is: a name, a schema for its input, and its work. Each phase declares its activities with
 * `defineActivity`, orchestrators call them by that declaration, and `functions/` registers them. The input is parsed
 * by zod and the size of the output is checked. An activity must never throw: it returns errors as values, so that a
 * fan-out sees the result of every task and nothing depends on how the host words an exception.
 */
import { z } from 'zod';
import { type ErrorLocation, type ErrorValue, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';

export type ActivityResult<T> = { ok: true; value: T } | { ok: false; error: ErrorValue };

/** A declared activity. `World` is what it works with, `Input` what a caller gives, `Output` its value on success. */
export interface Activity<World, Input extends object, Output extends object> {
  readonly name: string;
  /** Never throws. */
  run(world: World, input: unknown): Promise<ActivityResult<Output>>;
  /** For types only. */
  readonly takes?: (input: Input) => void;
}

/**
 * Declares an activity.
 *
 * @param declared `input` parses the input. `work` may throw, and returns an object whose JSON has at most
 *   `limits.payloadBytesMax` bytes.
 * @returns the activity. Its `run` never throws: it returns the value or the error.
 */
export function defineActivity<World, Parsed, Input extends object, Output extends object>(declared: {
  name: string;
  input: z.ZodType<Parsed, Input>;
  work(world: World, input: Parsed): Promise<Output>;
}): Activity<World, Input, Output> {
  return {
    name: declared.name,
    async run(world, input) {
      try {
        const parsed = declared.input.safeParse(input);
        if (!parsed.success) {
          throw new OrdinalError('Internal', `activity input: ${z.prettifyError(parsed.error)}`);
        }
        return withinLimit({ ok: true, value: await declared.work(world, parsed.data) });
      } catch (thrown) {
        return { ok: false, error: shortened(toErrorValue(thrown)) };
      }
    },
  };
}

function withinLimit<T extends object>(payload: T): T {
  const bytes = Buffer.byteLength(JSON.stringify(payload));
  if (bytes <= limits.payloadBytesMax) return payload;
  throw new OrdinalError('LimitExceeded', `an activity's output of ${bytes} bytes exceeds ${limits.payloadBytesMax}`);
}

/** Shortens the texts of an error, because errors are stored in the history and in the custom status. */
export function shortened(error: ErrorValue): ErrorValue {
  const where = Object.entries(error.where ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? shortText(value) : value,
  ]);
  return {
    ...error,
    message: shortText(error.message),
    ...(error.where && { where: Object.fromEntries(where) as ErrorLocation }),
    ...(error.remedy && { remedy: shortText(error.remedy) }),
  };
}

/**
 * The most characters that one text may have as JSON, escapes included. A custom status holds at most eight such texts
 * (a prefix, and an error's message, remedy and five places) and 1,000 other characters, so it stays under
 * `customStatusBytesMax`.
 */
const TEXT_MAX = 800;

export function shortText(text: string): string {
  if (JSON.stringify(text).length <= TEXT_MAX) return text;
  let kept = text.slice(0, TEXT_MAX - 5);
  while (JSON.stringify(kept).length > TEXT_MAX - 3) kept = kept.slice(0, Math.floor(kept.length * 0.8));
  return `${kept}...`;
}
