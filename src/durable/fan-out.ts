/**
 * Runs many activities at once from an orchestrator. Activities return errors as values, so every result of a wave is
 * seen; those that are worth a retry run again after a durable timer. Above `limits.fanOutTasksMax` tasks the range is
 * divided into shards, each a sub-orchestration with an explicit ID. Every orchestrator calls activities through this
 * file. It must not use the SDK's own retry.
 */

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { type ErrorActivity, type ErrorValue, fromErrorValue, invariant, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Activity, ActivityResult } from './activity.ts';
import type { Orchestration } from './context.ts';

/** Numbered tasks: the activity is called with `{ ...input, [key]: n }` for each n in [from, to). */
export interface TaskRange {
  /**
   * Part of the shards' instance IDs: `<owner>~<label>-<from>-<width>-<start>`, numbers in base 36. At most 10
   * characters.
   */
  label: string;
  /** Instance ID of the run's orchestration. */
  owner: string;
  /**
   * When the orchestration started, in base 36. An orchestration that was started again must not meet the shards of the
   * first start.
   */
  start: string;
  /** Name of the activity. */
  activity: string;
  input: object;
  key: string;
  from: number;
  to: number;
  /** ISO time until which the shards retry; without it, an activity has a few tries. */
  until?: string;
}

export const SHARD_ORCHESTRATION = 'runShard';

/**
 * Runs all tasks of a range.
 *
 * @throws OrdinalError the final error of the task with the lowest number.
 */
export function* fanOut(df: Orchestration, range: TaskRange, patience?: Patience): Generator<Task, void, unknown> {
  const count = range.to - range.from;
  if (count <= limits.fanOutTasksMax) {
    yield* callAll(df, callsOf(range), patience);
    return;
  }
  // A shard's width is a power of the cap, so that no orchestration has more children than the cap.
  let width: number = limits.fanOutTasksMax;
  while (Math.ceil(count / width) > limits.fanOutTasksMax) width *= limits.fanOutTasksMax;
  const tasks: Task[] = [];
  for (let from = range.from; from < range.to; from += width) {
    const shard: TaskRange = { ...range, from, to: Math.min(range.to, from + width) };
    const place = `${from.toString(36)}-${width.toString(36)}-${range.start}`;
    const instanceId = `${range.owner}~${range.label}-${place}`;
    invariant(instanceId.length <= limits.instanceIdLengthMax, `instance ID "${instanceId}" is short enough`);
    tasks.push(df.callSubOrchestrator(SHARD_ORCHESTRATION, shard, instanceId));
  }
  const results = (yield df.Task.all(tasks)) as ActivityResult<object>[];
  const failed = results.find((result) => !result.ok);
  if (failed && !failed.ok) throw fromErrorValue(failed.error);
}

/** Runs single activities and ranges. They run all at once when they are few, else one group after the other. */
export function* fanOutAll(
  df: Orchestration,
  calls: readonly ActivityCall[],
  ranges: readonly TaskRange[],
  patience?: Patience,
): Generator<Task, void, unknown> {
  const count = calls.length + ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  if (count <= limits.fanOutTasksMax) {
    yield* callAll(df, [...calls, ...ranges.flatMap(callsOf)], patience);
    return;
  }
  yield* callAll(df, calls, patience);
  for (const range of ranges) yield* fanOut(df, range, patience);
}

function callsOf({ activity: name, input, key, from, to }: TaskRange): ActivityCall[] {
  return Array.from({ length: to - from }, (_, i) => ({ name, input: { ...input, [key]: from + i } }));
}

/** How long an orchestration retries an activity. Without patience, an activity has a few tries. */
export interface Patience {
  /** Whether there is time left. */
  lasts(): boolean;
  /** Called before each long wait with what is waited for, and with undefined when the wait is over. */
  onWait(waiting: string | undefined): void;
}

/** Patience that lasts until a deadline. */
export function patienceUntil(df: Orchestration, deadline: string, onWait: Patience['onWait']): Patience {
  return { lasts: () => df.currentUtcDateTime.getTime() < Date.parse(deadline), onWait };
}

/** One activity with its input. `Output` is the type of its value and exists at compile time only. */
export interface ActivityCall<Output extends object = object> {
  name: string;
  input: object;
  readonly output?: Output;
}

/** An activity and its input as one value, for `callAll`. */
export function request<Input extends object, Output extends object>(
  { name }: Activity<never, Input, Output>,
  input: Input,
): ActivityCall<Output> {
  return { name, input };
}

/** Calls one activity once. Its error is returned as a value. */
export function* callOnce<Input extends object, Output extends object>(
  df: Orchestration,
  { name }: Activity<never, Input, Output>,
  input: Input,
): Generator<Task, ActivityResult<Output>, unknown> {
  return (yield df.callActivity(name, input)) as ActivityResult<Output>;
}

/** Calls one activity, again while its error is retryable. @throws OrdinalError the final error. */
export function* call<Input extends object, Output extends object>(
  df: Orchestration,
  activity: Activity<never, Input, Output>,
  input: Input,
  patience?: Patience,
): Generator<Task, Output, unknown> {
  const [value] = yield* callAll(df, [request(activity, input)] as const, patience);
  return value;
}

/** The outputs of calls, in their order. */
type Outputs<Calls extends readonly ActivityCall[]> = {
  -readonly [K in keyof Calls]: Calls[K] extends ActivityCall<infer Output> ? Output : never;
};

/** Calls several activities at once, each again while its error is retryable. @throws OrdinalError a final error. */
export function* callAll<const Calls extends readonly ActivityCall[]>(
  df: Orchestration,
  calls: Calls,
  patience?: Patience,
): Generator<Task, Outputs<Calls>, unknown> {
  const values = new Array<unknown>(calls.length);
  let pending = calls.map((_, i) => i);
  let attempt = 1;
  while (pending.length > 0) {
    // After a few tries only one activity is tried, for all: a long wait must not fill the history.
    const wave = attempt > limits.activityAttemptsMax ? pending.slice(0, 1) : pending;
    // Activities note beside what they write when they were asked for.
    const queuedAt = df.currentUtcDateTime.getTime();
    const tasks = wave.map((i) => df.callActivity(calls[i]!.name, { ...calls[i]!.input, queuedAt }));
    const results = (wave.length === 1 ? [yield tasks[0]!] : yield df.Task.all(tasks)) as ActivityResult<object>[];
    const errors: ErrorValue[] = [];
    const failed: number[] = [];
    results.forEach((result, at) => {
      if (result.ok) values[wave[at]!] = result.value;
      else {
        errors.push({ ...result.error, activity: activityOf(calls[wave[at]!]!, attempt, result.error.activity) });
        failed.push(wave[at]!);
      }
    });
    pending = [...failed, ...pending.slice(wave.length)];
    if (errors.length > 0) yield* backOff(df, errors, attempt++, patience);
    else {
      if (attempt > limits.activityAttemptsMax) patience?.onWait(undefined);
      attempt = 1;
    }
  }
  return values as Outputs<Calls>;
}

const labelsSchema = z
  .object({ batch: z.int(), group: z.int(), part: z.int(), partition: z.int(), entity: z.string() })
  .partial();

/** Which activity failed, at which try. */
function activityOf({ name, input }: ActivityCall, attempts: number, said: ErrorActivity | undefined): ErrorActivity {
  const labels = Object.entries(labelsSchema.safeParse(input).data ?? {}).filter(([, value]) => value !== undefined);
  return { ...said, ...Object.fromEntries(labels), name, attempts };
}

/** The most seconds between two tries. */
const BACK_OFF_SECONDS_MAX = 300;

/**
 * Throws a final error. Otherwise waits 1, 4, 16 … seconds; with patience, it goes on with waits of up to five minutes.
 */
function* backOff(
  df: Orchestration,
  errors: readonly ErrorValue[],
  attempt: number,
  patience: Patience | undefined,
): Generator<Task, void, unknown> {
  const final = errors.find((error) => !error.retryable);
  if (final) throw fromErrorValue(final);
  const { code, message } = errors[0]!;
  if (attempt >= limits.activityAttemptsMax) {
    if (!patience?.lasts()) {
      throw new OrdinalError(code, `${message} (after ${attempt} attempts)`, { ...errors[0], retryable: false });
    }
    patience.onWait(`another try, after ${attempt}: ${message}`);
  }
  const seconds = Math.min(BACK_OFF_SECONDS_MAX, 4 ** (attempt - 1));
  yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + 1000 * seconds));
}
