/**
 * A run over an account: the real activities, over the real store, of a pipeline that copies two large columns. As a
 * process of its own, for a test that kills it.
 */
import { z } from 'zod';
import { compile } from '../../../src/pipeline/compile.ts';
import { openAzureStore } from '../../../src/storage/azure.ts';
import { Engine } from '../../engine/support/drive.ts';

/** The argument of a process that runs what it is sent. */
export const ALONE = 'alone';

export interface CopyingRun {
  connectionString: string;
  /** What the run publishes goes there; its work in progress has a container of its own. */
  container: string;
  copy: 'function' | 'service';
}

export async function runOver({ connectionString, container, copy }: CopyingRun): Promise<void> {
  const pipeline = compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    output: { container },
    copy,
    row: z.object({ key: z.string(), note: z.string(), amount: z.bigint() }),
    entities: ({ id, ref }: Record<'id' | 'ref', (...given: unknown[]) => unknown>) => ({
      keys: { kind: 'keyed', id: id('key_id'), key: { key: 'key' } },
      all: {
        kind: 'rows',
        id: id('row_id'),
        columns: { key_id: ref('keys', { key: 'key' }), note: 'note', amount: 'amount' },
      },
    }),
  } as never);
  const engine = new Engine(pipeline);
  const { environment } = engine;
  const store = openAzureStore({ connectionString });
  const config = { ...environment.config, workContainer: `work-${container}` };
  engine.environment = { ...environment, store, config };
  for (const name of [container, config.workContainer]) await store.ensureContainer(name);
  await engine.run('r');
}

if (process.argv[2] === ALONE) {
  process.once('message', (given: CopyingRun) => void runOver(given).then(() => process.disconnect()));
}
