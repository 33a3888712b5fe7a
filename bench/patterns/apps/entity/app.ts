/**
 * Pattern 5, a durable entity that counts. Activities cannot call entities, so the orchestration takes the numbers and
 * hands them to the activities: for each row in a call of its own, or for each file in one. Calls of one orchestration
 * arrive in their order, and each happens once, whoever dies: the answer and the new state are one commit.
 */
import * as df from 'durable-functions';
import { type KeyedEntity, keyedEntities, type MergedKeys, type Sequence } from '../shared/sales.ts';
import {
  activity,
  type FileCounts,
  merge,
  publishKeyed,
  type Range,
  readJson,
  registerReading,
  type Start,
  workBlob,
  writeJson,
  writeLines,
} from '../shared/steps.ts';

df.app.entity<number>('counter', ({ df: entity }) => {
  const next = entity.getState(() => 1) ?? 1;
  entity.setState(next + (entity.getInput<number>() ?? 0));
  entity.return(next);
});

registerReading();

/** What is merged waits in a blob for its numbers. */
activity('mergeKeys', async ({ run, files }: Start & { files: string[] }) => {
  const merged = await merge(run, files);
  await writeJson(workBlob(run, 'merged'), merged);
  return keyedEntities.map((entity) => merged.all[entity].length);
});

activity(
  'publishKeyed',
  async ({ run, files, ranges }: Start & { files: string[]; ranges: Record<KeyedEntity, Range[]> }) => {
    await publishKeyed(run, files, await readJson<MergedKeys>(workBlob(run, 'merged')), ranges);
  },
);

activity('writeLines', ({ ranges, ...input }: Start & { file: string; ranges: Range[] }) =>
  writeLines(async () => ({ ranges, used: async () => {} }), input),
);

/** Numbers for several takers of one sequence, in their order; each has as many as its count says. */
function* take(
  context: df.OrchestrationContext,
  { run, per }: Start,
  sequence: Sequence,
  counts: readonly number[],
): Generator<df.Task, Range[][], never> {
  const counter = new df.EntityId('counter', `${run}-${sequence}`);
  const calls = per === 'file' ? counts : counts.flatMap((count) => Array.from({ length: count }, () => 1));
  const firsts: number[] = yield context.df.Task.all(
    calls.map((count) => context.df.callEntity(counter, 'take', count)),
  );
  let from = 0;
  return counts.map((count) => {
    const own = per === 'file' ? 1 : count;
    from += own;
    return firsts.slice(from - own, from).map((first) => ({ first, count: per === 'file' ? count : 1 }));
  });
}

df.app.orchestration('run', function* (context): Generator<df.Task, void, never> {
  const start = context.df.getInput<Start>();
  const files: string[] = yield context.df.callActivity('listFiles', start);
  const counts: FileCounts[] = yield context.df.Task.all(
    files.map((file) => context.df.callActivity('readKeys', { ...start, file })),
  );
  const keys: number[] = yield context.df.callActivity('mergeKeys', { ...start, files });
  const ranges: Partial<Record<KeyedEntity, Range[]>> = {};
  for (const [i, entity] of keyedEntities.entries()) {
    const [own] = yield* take(context, start, entity, [keys[i]!]);
    ranges[entity] = own!;
  }
  yield context.df.callActivity('publishKeyed', { ...start, files, ranges });
  const lines = yield* take(
    context,
    start,
    'order_lines',
    counts.map((of) => of.order_lines),
  );
  yield context.df.Task.all(
    files.map((file, i) => context.df.callActivity('writeLines', { ...start, file, ranges: lines[i]! })),
  );
});
