/**
 * Refused rows back in, by the real command against the real app: a shop's mixed feed, a folder a day. DuckDB writes the
 * source, mends the refused rows and reads what was published.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Duck, literal } from '../../tools/duckdb.ts';
import { type App, copyOfApp, startApp } from '../http/support/app.ts';
import { startAzurite } from '../support/azurite.ts';
import { Commands } from './support/command.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-replay-'));
const copy = path.join(folder, 'app');
let app: App;
let azurite: Awaited<ReturnType<typeof startAzurite>>;
let duck: Duck;

/** In the place of `flights`. */
const shop = `import { z } from 'zod';
import { pipeline } from '../src/pipeline/index.js';

export default pipeline({
  name: 'flights',
  source: { container: 'landing', prefix: 'shop/', partitions: { day: z.date() } },
  onInvalid: 'quarantine',
  maxRejected: 1,
  row: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('customer'), no: z.string(), name: z.string().min(1) }),
    z.object({ kind: z.literal('order'), no: z.string(), order_no: z.int(), amount: z.number().nonnegative() }),
  ]),
  entities: ({ id, first, ref }) => ({
    customers: { kind: 'keyed', when: 'customer', id: id('customer_id'), key: { no: 'no' }, columns: { name: first('name') } },
    orders: {
      kind: 'rows',
      when: 'order',
      id: id('order_id'),
      columns: { customer_id: ref('customers', { no: 'no' }), order_no: 'order_no', amount: 'amount', day: 'day' },
    },
  }),
});
`;

/** A day of the feed. Of each four rows the first is a customer, and one of the orders has a negative amount. */
const day = (from: number) => `
  SELECT CASE i % 4 WHEN 0 THEN 'customer' ELSE 'order' END AS kind, 'K' || (i // 4) AS no,
    CASE WHEN i % 4 = 0 THEN 'Name ' || (i // 4) END AS name, CASE WHEN i % 4 > 0 THEN i END AS order_no,
    CASE WHEN i % 4 > 0 THEN CASE WHEN i % 8 = 3 THEN -i ELSE i END::DOUBLE END AS amount, 'note ' || i AS note
  FROM range(${from}, ${from + 40}) t(i)`;

async function written(query: string): Promise<Buffer> {
  const file = path.join(folder, 'written.parquet');
  await duck.run(`COPY (${query}) TO ${literal(file)} (FORMAT parquet)`);
  return readFileSync(file);
}

const before = process.cwd();

beforeAll(async () => {
  duck = await Duck.open();
  azurite = await startAzurite();
  await writeFile(path.join(await copyOfApp(copy), 'dist/pipelines/flights.js'), shop);
  // Commands find the pipelines of the folder that they are run in.
  process.chdir(copy);
  app = await startApp({}, [], { azurite, scriptRoot: copy });
  await app.upload('landing', 'shop/day=2026-11-01/a.parquet', await written(day(0)));
  await app.upload('landing', 'shop/day=2026-11-02/a.parquet', await written(day(40)));
});
afterAll(async () => {
  process.chdir(before);
  await commands.stop();
  await app?.stop();
  await azurite?.stop();
  duck?.close();
  rmSync(folder, { recursive: true });
});

const commands = new Commands();
const ordinal = (...args: string[]) =>
  commands.run(args, { env: { AzureWebJobsStorage: azurite.connectionString, ORDINAL_HOST: app.url } });

/** All that is published of an entity, as DuckDB reads it. */
async function published(entity: string, select: string): Promise<unknown[][]> {
  const names = (await app.names('published', `flights/${entity}/`)).filter((name) => name.endsWith('.parquet'));
  const files = await Promise.all(
    names.map(async (name, i) => {
      const file = path.join(folder, `${entity}-${i}.parquet`);
      await writeFile(file, await app.download('published', name));
      return literal(file);
    }),
  );
  const rows = await duck.rows(`SELECT ${select} FROM read_parquet([${files.join()}]) ORDER BY ALL`);
  return rows.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
}

test('refused rows come back with the values of their folders, under the next IDs, and no row twice', async () => {
  const first = await ordinal('runs', 'start', 'flights', '--run-id', 'first', '--wait');
  expect(first.code, first.stderr).toBe(0);
  expect((await published('orders', 'count(*), max(order_id)'))[0]).toEqual(['50', '50']);

  // As they are, they are refused again, and the contract has not been widened: nothing is published, and nothing is lost.
  const same = await ordinal('runs', 'replay-rejects', 'first', '--wait');
  expect(same.code, same.stdout + same.stderr).toBe(0);
  expect((await published('orders', 'count(*), max(order_id)'))[0]).toEqual(['50', '50']);

  // Some of them, mended.
  const rows = path.join(folder, 'rejected.parquet');
  await writeFile(rows, await app.download('published', 'flights/_rejected_rows/first-00000.parquet'));
  const columns = (await duck.rows(`DESCRIBE SELECT * FROM ${literal(rows)}`)).map((row) => row.column_name);
  expect(columns).toEqual(['kind', 'no', 'name', 'order_no', 'amount', 'note', '_blob', '_row', '_reason']);
  const mended = path.join(folder, 'mended.parquet');
  const mend = (where: string) =>
    duck.run(`COPY (SELECT * REPLACE (abs(amount) AS amount) FROM ${literal(rows)} WHERE ${where})
      TO ${literal(mended)} (FORMAT parquet, CODEC zstd)`);
  await mend('order_no % 16 = 3');
  const some = await ordinal('runs', 'replay-rejects', 'first', '--from', mended, '--wait');
  expect(some.code, some.stdout + some.stderr).toBe(0);
  expect((await published('orders', 'count(*), max(order_id)'))[0]).toEqual(['55', '55']);
  // The same command again is the same run.
  expect((await ordinal('runs', 'replay-rejects', 'first', '--from', mended, '--wait')).code).toBe(0);
  expect((await published('orders', 'count(*), max(order_id)'))[0]).toEqual(['55', '55']);

  // All of them, of which some are in already.
  await mend('true');
  const twice = await ordinal('runs', 'replay-rejects', 'first', '--from', mended);
  expect(twice.code).toBe(1);
  expect(twice.stdout + twice.stderr).toMatch(
    /has row 3 of shop\/day=2026-11-01\/a\.parquet, which run "replay-\w+-\w+" has taken in[\s\S]*Leave out rows/,
  );
  await mend('order_no % 16 = 11');
  expect((await ordinal('runs', 'replay-rejects', 'first', '--from', mended, '--wait')).code).toBe(0);

  // A plain start finds nothing new: all blobs of replays are read, or were given up.
  const more = await ordinal('runs', 'start', 'flights', '--run-id', 'more', '--wait');
  expect(more.code, more.stderr).toBe(0);
  const all = Array.from({ length: 80 }, (_, i) => i).filter((i) => i % 4 > 0);
  expect(await published('orders', 'order_no, amount, day::VARCHAR')).toEqual(
    all.map((i) => [`${i}`, `${i}`, i < 40 ? '2026-11-01' : '2026-11-02']),
  );
  expect(await published('orders', 'order_id')).toEqual(all.map((_, i) => [`${i + 1}`]));
  expect(await published('customers', 'count(*), count(name)')).toEqual([['20', '20']]);
  const verified = await ordinal('verify', '--all');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
});

test('rows that are not of the run are refused, with what to do', async () => {
  const file = path.join(folder, 'other.parquet');
  await writeFile(file, await written(day(0)));
  const foreign = await ordinal('runs', 'replay-rejects', 'first', '--from', file);
  expect(foreign.code).toBe(1);
  expect(foreign.stdout + foreign.stderr).toMatch(
    /has no column "_blob"[\s\S]*Keep _blob and _row of the rejected rows/,
  );
  await writeFile(
    file,
    await written(`SELECT *, 'shop/day=2026-11-01/a.parquet' AS _blob, 1 AS _row FROM (${day(0)})`),
  );
  const wrong = await ordinal('runs', 'replay-rejects', 'first', '--from', file);
  expect(wrong.stdout + wrong.stderr).toContain('which run "first" did not refuse');
  expect((await ordinal('runs', 'replay-rejects', 'nobody')).code).toBe(4);
});
