/**
 * The orchestration of a backfill: cuts the source into runs, keeps a few of them under way, in order, and ends when all
 * have succeeded or one has failed. `src/http/backfills.ts` starts it. It may be started again under its ID and goes on
 * where it stopped, since the plan and the runs have names of their own. It must never end a run.
 */
import type { Task } from 'durable-functions';
import { z } from 'zod';
import type { Orchestration } from '../durable/context.ts';
import { call, patienceUntil } from '../durable/fan-out.ts';
import { OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { advanceBackfill, planBackfill } from './activities.ts';
import { type BackfillStatus, backfillIdSchema, backfillStatusSchema } from './backfill-documents.ts';

const inputSchema = z.object({
  backfillId: backfillIdSchema,
  /** How far it is, where it goes on with an empty history. */
  status: backfillStatusSchema.exactOptional(),
});

/** Seconds between two looks at runs under way: more and more while nothing ends. */
const LOOK_SECONDS_MAX = 30;
/** Hours for which a storage or a host that does not answer is waited for. */
const PATIENCE_HOURS = 24;

/**
 * The orchestrator of a backfill.
 *
 * @param context the orchestration; its input is `{ backfillId }`.
 * @returns runs, files, bytes and rows of all parts.
 * @throws Error `CODE: message` when a run has failed; the others under way have ended by then.
 */
export function* backfillOrchestrator(context: { df: Orchestration }): Generator<Task, BackfillStatus, unknown> {
  const { df } = context;
  const { backfillId, status: before } = inputSchema.parse(df.getInput<unknown>());
  let status = before ?? backfillStatusSchema.parse({ phase: 'plan' });
  const say = (change: Partial<BackfillStatus>) => {
    status = { ...status, ...change };
    df.setCustomStatus(status);
  };
  const until = new Date(df.currentUtcDateTime.getTime() + PATIENCE_HOURS * 3_600_000).toISOString();
  const patience = patienceUntil(df, until, () => undefined);
  try {
    say({});
    const { parts: runs, files, bytes } = yield* call(df, planBackfill, { backfillId }, patience);
    say({ phase: 'run', runs, files, bytes });
    let seconds = 1;
    for (let step = 0; status.done < runs; step++) {
      if (step >= limits.backfillStepsMax) {
        df.continueAsNew({ backfillId, status });
        return status;
      }
      const from = status.done;
      const look = { backfillId, from, restarts: step === 0 && !before };
      const now = yield* call(df, advanceBackfill, look, patience);
      say({
        done: now.from,
        going: now.going,
        rows: status.rows + now.rows,
        filesDone: status.filesDone + now.files,
        bytesDone: status.bytesDone + now.bytes,
      });
      if (now.failed && now.going.length === 0) {
        const { runId, code, message } = now.failed;
        say({ error: { code, message, runId } });
        throw new OrdinalError('BackfillStopped', `run "${runId}" of the backfill failed: ${code}: ${message}`);
      }
      seconds = now.from > from ? 1 : Math.min(LOOK_SECONDS_MAX, seconds * 2);
      if (now.from < runs) yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));
    }
    say({ phase: 'done', going: [] });
    return status;
  } catch (thrown) {
    const { code, message } = toErrorValue(thrown);
    say({ phase: 'failed', error: status.error ?? { code, message: message.slice(0, 1000) } });
    throw new Error(`${code}: ${message}`);
  }
}
