/**
 * How a pipeline is refused: always `InvalidPipeline`, always with the field. All of `src/pipeline`
 * calls it. A message must never hold more of a value than its beginning.
 */
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';

/**
 * Refuses a pipeline.
 * @param field path of the field, such as `entities.routes.columns.origin_id`
 * @param message what is wrong with it
 * @param remedy what to do about it: an imperative sentence
 * @throws `InvalidPipeline` always
 */
export function refuse(field: string, message: string, remedy?: string): never {
  throw new OrdinalError('InvalidPipeline', `${field}: ${message}`, { where: { field }, remedy });
}

/**
 * What is tellable of a value in an error: short, quoted, never huge.
 * @param value anything that a declaration may hold
 * @returns words for a message
 */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/**
 * The object at `field` as a record; refuses what is none and members that nobody reads.
 * @param value what the declaration says
 * @param field path of the field in the declaration, for errors
 * @param known members that it may have; any when left out
 * @returns the same object
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function record(value: unknown, field: string, known?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(
      field,
      `is ${show(value)}, not an object`,
      known && `Write an object with ${known.map((n) => `'${n}'`).join(', ')}.`,
    );
  }
  if (known) {
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) refuse(`${field}.${key}`, 'is not a known option', didYouMean(key, known));
    }
  }
  return value as Record<string, unknown>;
}

/**
 * A function that is called for values and whose result is used at once: an async one is refused.
 * @param value what the declaration says
 * @param field path of the field in the declaration, for errors
 * @returns the same function
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function plainFunction(value: unknown, field: string): (...values: unknown[]) => unknown {
  if (typeof value !== 'function') refuse(field, `is ${show(value)} where a function belongs`);
  if (isAsync(value)) refuse(field, 'is an async function', 'Use a plain function: values are made at once.');
  return value as (...values: unknown[]) => unknown;
}

/**
 * Whether a value is an async function.
 * @param value anything
 * @returns true for an `async` function
 */
export function isAsync(value: unknown): boolean {
  return typeof value === 'function' && value.constructor.name === 'AsyncFunction';
}
