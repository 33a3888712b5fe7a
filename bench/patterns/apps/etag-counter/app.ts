/**
 * Pattern 2, a shared counter in Table Storage: one entity for each sequence, read and then replaced under If-Match with
 * its ETag. Who comes second is answered with 412, waits a little and reads again. `per` says whether each row asks for
 * its number or a file for all of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RestError, TableClient } from '@azure/data-tables';
import * as df from 'durable-functions';
import { type Sequence, sequences } from '../shared/sales.ts';
import {
  fanOut,
  type Range,
  registerNumbering,
  registerReading,
  type Start,
  storage,
  type Take,
} from '../shared/steps.ts';

const table = TableClient.fromConnectionString(storage, 'counters', { allowInsecureConnection: true });
const triesMax = 1_000;
const backOffMsMax = 1_000;

interface Counter {
  next: number;
}

async function takeOnce(run: string, sequence: Sequence, count: number): Promise<number> {
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const { next, etag } = await table.getEntity<Counter>(run, sequence);
    try {
      await table.updateEntity({ partitionKey: run, rowKey: sequence, next: next + count }, 'Replace', { etag });
      return next;
    } catch (error) {
      if (!(error instanceof RestError) || error.statusCode !== 412) throw error;
      // Twice as long each time, and never two alike: all who lost would meet again.
      await delay(Math.random() * Math.min(backOffMsMax, 5 * 2 ** attempt));
    }
  }
  throw new Error(`the counter ${sequence} was taken ${triesMax} times by others`);
}

const take =
  ({ per }: Start): Take =>
  async (run, sequence, count) => {
    const ranges: Range[] = [];
    if (per === 'file') ranges.push({ first: await takeOnce(run, sequence, count), count });
    else for (let i = 0; i < count; i++) ranges.push({ first: await takeOnce(run, sequence, 1), count: 1 });
    return { ranges, used: async () => {} };
  };

registerReading(async (run) => {
  await table.createTable();
  for (const rowKey of sequences) {
    // Made once: a second try of this step must not set the counter back.
    await table.createEntity({ partitionKey: run, rowKey, next: 1 }).catch((error: unknown) => {
      if (!(error instanceof RestError) || error.statusCode !== 409) throw error;
    });
  }
});
registerNumbering(take);

df.app.orchestration('run', (context) => fanOut(context));
