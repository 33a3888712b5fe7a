/**
 * What a sequence can be asked and what it answers. Requests and answers are JSON objects; IDs and counts travel as
 * decimal strings, for JSON has no 64-bit integer. `calls.ts` and the reducer share it.
 */
import { z } from 'zod';
import { type ErrorValue, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { IdRangeJson } from './id-range.ts';
import { attemptSchema, ownerSchema, sequenceStateSchema } from './state.ts';

const idSchema = z
  .union([z.string().regex(/^(0|[1-9][0-9]{0,18})$/), z.int().nonnegative()], {
    error: 'must be an integer from 0 to 2^63-1: a decimal string, or a safe number',
  })
  .transform((value) => BigInt(value))
  .refine((value) => value <= limits.idMax, 'must be at most 2^63-1');
const stepSchema = idSchema.refine((value) => value >= 1n, 'must be at least 1');
const holder = { owner: ownerSchema, attempt: attemptSchema.default(0) };

const operationSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('reserve'), ...holder, count: idSchema, start: idSchema, step: stepSchema }),
  z.strictObject({ kind: z.literal('commit'), ...holder }),
  z.strictObject({ kind: z.literal('release'), ...holder }),
  z.strictObject({
    kind: z.literal('raiseTo'),
    value: idSchema,
    start: idSchema.optional(),
    step: stepSchema.optional(),
  }),
  z.strictObject({ kind: z.literal('restore'), state: sequenceStateSchema }),
  z.strictObject({ kind: z.literal('show'), owner: ownerSchema.optional() }),
]);

/** An operation as a caller writes it. `attempt` is 0 when left out; numbers may be safe integers or decimal strings. */
export type SequenceOperation = z.input<typeof operationSchema>;
/** An operation as the reducer sees it. */
export type ParsedOperation = z.output<typeof operationSchema>;

/** What an owner holds. */
export interface ReservationAnswer {
  ok: true;
  owner: string;
  /** Sum over the ranges. */
  count: string;
  /** Ascending, at most `limits.rangesPerReservationMax`. Empty for a reservation of nothing. */
  ranges: IdRangeJson[];
}

/** The answer to `reserve`. */
export interface ReserveAnswer extends ReservationAnswer {
  /** The sequence's next ID before and after; the same when the reservation was there already. */
  before: string;
  after: string;
}

/** The answer to `release`. */
export interface ReleaseAnswer {
  ok: true;
  owner: string;
  /** What the owner held and no longer holds; empty when it held nothing (any more). */
  ranges: IdRangeJson[];
}

/** The answer to `raiseTo`. */
export interface RaiseAnswer {
  ok: true;
  /** Whether `next` moved. */
  raised: boolean;
  /** First ID above all that were ever handed out or imported. */
  next: string;
  /** How many free IDs up to the value were given up. */
  abandoned: string;
}

/** The answer to `restore`. */
export interface RestoreAnswer {
  ok: true;
  next: string;
}

/** The answer to `show`. */
export interface ShowAnswer {
  ok: true;
  /** False when the sequence has never been used; all else is then absent. */
  exists: boolean;
  start?: string;
  step?: string;
  /** First ID above all that were ever handed out or imported; beyond 2^63-1 when the sequence is used up. */
  next?: string;
  /** First ID above all that were imported. */
  floor?: string;
  /** Released IDs below `next`, and the ranges they lie in. */
  freeCount?: string;
  freeRanges?: number;
  /** IDs in open reservations, and the owners, oldest first. */
  openCount?: string;
  openOwners?: string[];
  /** What is known of the owner asked about; absent when nothing is. */
  reservation?: { outcome: 'open' | 'committed' | 'released'; attempt: number; ranges: IdRangeJson[] };
}

/** Why an operation was not done. The state is as it was. */
export interface Refusal {
  ok: false;
  error: ErrorValue;
}

/** The answer to each operation. */
export interface SequenceAnswers {
  reserve: ReserveAnswer;
  commit: ReservationAnswer;
  release: ReleaseAnswer;
  raiseTo: RaiseAnswer;
  restore: RestoreAnswer;
  show: ShowAnswer;
}

/** Any answer. */
export type SequenceAnswer = SequenceAnswers[keyof SequenceAnswers];
/** The answer to an operation, or why there is none. */
export type SequenceResult<K extends keyof SequenceAnswers = keyof SequenceAnswers> = SequenceAnswers[K] | Refusal;

/**
 * Checks an operation of unknown shape.
 * @param operation what came over the wire
 * @returns the operation, with its defaults
 * @throws `InvalidRequest` with the first field at fault
 */
export function parseOperation(operation: unknown): ParsedOperation {
  return parseWith(operationSchema, operation);
}

/**
 * `schema.parse` with the project's error.
 * @param schema a zod schema
 * @param value what to check
 * @returns what the schema gives out
 * @throws `InvalidRequest` with the first field at fault
 */
export function parseWith<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw new OrdinalError(
    'InvalidRequest',
    `${field || 'operation'}: ${issue?.message ?? 'not understood'}`,
    field ? { where: { field } } : {},
  );
}
