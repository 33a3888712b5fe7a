/**
 * A damaged file that several batches share, in runs that meet faults: the batches that had taken rows of it are split
 * again without it, whichever request a worker dies at. What is published then is the same, byte by byte.
 */
import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { Judge } from '../parquet/support/duckdb.ts';
import { checkByVerify } from './support/check.ts';
import { Sim, type Verdict } from './support/sim.ts';

const lines = pipeline({
  name: 'lines',
  source: { container: 'landing', prefix: 'lines/' },
  row: z.object({ n: z.int(), who: z.string(), memo: z.string() }),
  onBadFile: 'set-aside',
  maxBadFiles: 0.5,
  entities: ({ id, ref }) => ({
    people: { kind: 'keyed', id: id('person_id'), key: { name: 'who' } },
    lines: {
      kind: 'rows',
      id: id('line_id'),
      columns: { n: 'n', person_id: ref('people', { name: 'who' }), memo: 'memo' },
    },
  }),
});
const pipelines = registerPipelines([lines]);

let files: Uint8Array[] = [];
beforeAll(async () => {
  const judge = await Judge.open();
  const write = async (from: number, rows: number) =>
    await judge.write(
      `SELECT i::INT AS n, 'w' || (i % 7) AS who, md5(i::TEXT) AS memo FROM range(${from}, ${from + rows}) t(i)`,
      'CODEC uncompressed, ROW_GROUP_SIZE 2048',
    );
  files = [await write(0, 3000), await write(3000, 8192), await write(20_000, 3000)];
  // A byte of a key in the third of the four row groups of the file in the middle.
  const { start } = parseFooter(files[1]!, files[1]!.length, 'f').rowGroups[2]!.chunks[1]!;
  files[1]!.fill(0xff, start, start + 24);
  await judge.close();
});

const ways = [
  { way: 'the long way', options: {} },
  { way: 'the short way', options: { short: true } },
];

describe.each(ways)('$way', ({ options }) => {
  async function world(): Promise<Sim> {
    const sim = new Sim(pipelines, { batchRows: 4096, partRows: 100_000, seed: 3, ...options });
    await sim.store.ensureContainer('landing');
    for (const [i, bytes] of files.entries()) {
      const { etag } = await sim.store.write('landing', `lines/${i}.parquet`, bytes);
      sim.sources.set(etag, bytes);
    }
    return sim;
  }

  async function run(strike: (point: string) => Verdict): Promise<Sim> {
    const sim = await world();
    sim.onPoint = ({ point, name }, { instance }) => (instance === 'r' ? strike(`${point} ${name}`) : 'pass');
    await sim.run('r', 'lines', 'lines/');
    await sim.settle();
    return sim;
  }

  const published = ({ store }: Sim) =>
    store
      .names('published')
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => [name, Buffer.from(store.bytes('published', name)).toString('base64')]);

  test('a worker that dies at any request changes nothing', async () => {
    const seen = new Set<string>();
    const calm = await run((place) => {
      // Of requests that read, those whose answer decides which batches are split again.
      if (/:(write|stage|commit):/.test(place) || /set-aside/.test(place)) seen.add(place);
      return 'pass';
    });
    assert.equal(calm.status('r'), 'Completed', calm.instances.get('r')!.error);
    const expected = published(calm);
    await checkByVerify(calm);
    assert.equal(expected.length, 2);
    if (!('short' in options)) {
      assert.ok([...seen].some((place) => /write:after .*set-aside\.json/.test(place)));
      assert.ok([...seen].some((place) => /write:after .*split-again\//.test(place)));
    }
    for (const place of seen) {
      let struck = false;
      const sim = await run((at) => {
        if (struck || at !== place) return 'pass';
        struck = true;
        return 'die';
      });
      assert.equal(sim.status('r'), 'Completed', `${place}: ${sim.instances.get('r')!.error}`);
      assert.ok(struck, place);
      assert.deepEqual(published(sim), expected, place);
    }
  });
});
