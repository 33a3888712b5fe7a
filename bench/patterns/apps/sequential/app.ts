/**
 * Pattern 1, sequential: one function after the other, and the next ID of each sequence in a blob. There is never more
 * than one reader of that blob, so it needs no condition. The next ID is written when the rows that carry the ones before
 * it are published: a function that dies earlier is run again with the same IDs, over the same files.
 */
import * as df from 'durable-functions';
import { sequences } from '../shared/sales.ts';
import {
  activity,
  readJson,
  registerNumbering,
  registerReading,
  type Start,
  type Take,
  workBlob,
  writeJson,
} from '../shared/steps.ts';

const take: Take = async (run, sequence, count) => {
  const blob = workBlob(run, `next/${sequence}`);
  const next = await readJson<number>(blob);
  return { ranges: [{ first: next, count }], used: () => writeJson(blob, next + count) };
};

registerReading();
registerNumbering(() => take);
activity('firstIds', async ({ run }: Start) => {
  for (const sequence of sequences) await writeJson(workBlob(run, `next/${sequence}`), 1);
});

df.app.orchestration('run', function* (context): Generator<df.Task, void, never> {
  const start = context.df.getInput<Start>();
  const files: string[] = yield context.df.callActivity('listFiles', start);
  yield context.df.callActivity('firstIds', start);
  for (const file of files) yield context.df.callActivity('readKeys', { ...start, file });
  yield context.df.callActivity('numberKeys', { ...start, files });
  for (const file of files) yield context.df.callActivity('writeLines', { ...start, file });
});
