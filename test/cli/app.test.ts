/** The real command against the real app on the local host and Azurite, as its users run it. Each once as a process at least. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../http/support/app.ts';
import { flightsFile } from '../http/support/flights.ts';
import { holdIndex } from '../http/support/held-index.ts';
import { startAzurite } from '../support/azurite.ts';
import { ordinal as asProcess, Commands, hasTerminal, onTerminal } from './support/command.ts';
import { quarantinedRun } from './support/quarantined.ts';

let app: App;
let env: Record<string, string>;
let azurite: Awaited<ReturnType<typeof startAzurite>>;
const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-cli-app-'));

const commands = new Commands();
const run = commands.run.bind(commands);
const ordinal = (...args: string[]) => run(args, { env });
/** The document that `--json` prints. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await ordinal(...args, '--json');
  return { code, stderr, value: JSON.parse(stdout) };
}

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ ORDINAL_BATCH_ROWS: '100' }, [], { azurite });
  env = { AzureWebJobsStorage: azurite.connectionString, ORDINAL_HOST: app.url };
});
afterAll(async () => {
  await commands.stop();
  await app?.stop();
  await azurite?.stop();
  rmSync(folder, { recursive: true });
});

describe('before anything ran', () => {
  test('lists say that there is nothing, and what to do', async () => {
    const { code, stdout } = await ordinal('runs', 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^There is no run yet\. Start one: .*ordinal (-- )?runs start PIPELINE/m);
    expect((await json('runs', 'list')).value).toEqual([]);
    expect((await ordinal('runs', 'list', '--manifests')).stdout).toContain('There is no manifest.');
    expect((await ordinal('keys', 'list')).stdout).toContain('never used');
    expect((await ordinal('verify', '--all')).stdout).toContain('No run has published yet.');
  });

  test('doctor warns of the sources that are not there, and of nothing else', async () => {
    const { code, value } = await json('doctor');
    const level = (of: string) => [...value.here, ...value.app].filter((one: { level: string }) => one.level === of);
    expect(level('wrong')).toEqual([]);
    expect(code).toBe(0);
    for (const { subject, remedy } of level('warning')) {
      expect(subject).toMatch(/^landing\//);
      expect(remedy).toBe('Upload the source.');
    }
    expect(level('ok').map((one: { subject: string }) => one.subject)).toContain('durable-functions');
    expect(await app.names('published')).toEqual([]);
  });
});

describe('a run', () => {
  beforeAll(async () => {
    await app.upload('landing', 'flights/a.parquet', flightsFile(250));
    await app.upload('landing', 'flights/b.parquet', flightsFile(50, 1));
  });

  test('is started and followed, with a line for each change, and shown at its end', async () => {
    const { code, stdout, stderr } = await ordinal('runs', 'start', 'flights', '--run-id', 'first', '--wait');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/run first of flights\n[\s\S]*\d+\/\d+ batches/);
    expect(stdout).toMatch(/state +Completed/);
    expect(stdout).toMatch(/airports +5 /);
    expect(stdout).toContain('published/flights/_manifests/first.json');
  });

  // What the first run has read is read again only where that is asked for.
  const start = ['runs', 'start', 'flights', '--again'];

  test('without --wait says how to follow it; watch ends with its result', async () => {
    const { code, stdout } = await ordinal(...start, '--run-id', 'second', '--prefix', 'flights/b');
    expect(code).toBe(0);
    expect(stdout).toContain('ordinal runs watch second');
    const watched = await json('runs', 'watch', 'second');
    expect(watched.code).toBe(0);
    expect(watched.value).toMatchObject({ runId: 'second', status: 'Completed', rows: { total: 50 } });
    expect(watched.stderr).toBe('');
  });

  test('that fails ends with 1, with the failure first', async () => {
    const { code, stdout } = await ordinal(
      'runs',
      'start',
      'flights',
      '--run-id',
      'bad',
      '--prefix',
      'flights/none/',
      '--fail-on-empty',
      '--wait',
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^SourceEmpty: no blob "landing\/flights\/none\/\*\.parquet"/);
    expect(stdout).toContain('Check container, prefix and suffix');
    expect((await json('runs', 'show', 'bad')).value.error.code).toBe('SourceEmpty');
    // Restarted, it fails again.
    expect((await ordinal('runs', 'restart', 'bad', '--wait')).code).toBe(1);
    expect((await json('runs', 'show', 'bad')).value.life).toBe(2);
  });

  test('that goes on: watch ends with 5 at its time and with 130 by Ctrl-C; cancel ends the run', async () => {
    // It waits for a key index that another holds, for as long as it is let.
    const letGo = await holdIndex({ url: app.url }, 'flights.airports', 'nightly-export');
    try {
      const started = await json('runs', 'start', 'flights', '--run-id', 'long', '--prefix', 'flights/b', '--again');
      expect(started.value).toMatchObject({ runId: 'long' });
      const [late, stopped] = await Promise.all([
        ordinal('runs', 'watch', 'long', '--timeout', '1s'),
        asProcess(['runs', 'watch', 'long'], { env, interruptOn: 'waits: key index' }),
      ]);
      expect(late.code, late.stdout).toBe(5);
      expect(late.stdout).toMatch(/state +(Running|Pending)/);
      expect(stopped.code).toBe(130);
      expect(stopped.stderr).toContain('Ended by Ctrl-C.');
      expect((await ordinal('runs', 'cancel', 'long', '--reason', 'enough')).code).toBe(0);
      const { code, stdout } = await ordinal('runs', 'watch', 'long');
      expect(code).toBe(1);
      expect(stdout).toContain('enough');
    } finally {
      // What waits behind it must not wait for ever when this test fails.
      await letGo();
    }
    expect((await ordinal('runs', 'cancel', 'first')).stdout).toContain('had ended: Completed');
  });

  test('that is refused says why, in the words of the app', async () => {
    const { code, stderr } = await ordinal('runs', 'start', 'flihgts');
    expect(code).toBe(4);
    expect(stderr).toContain("Use 'flights', if that is what you mean.");
    const outside = await ordinal('runs', 'start', 'flights', '--prefix', 'elsewhere/');
    expect(outside.code).toBe(1);
    expect(outside.stderr).toContain('InvalidRequest');
    const unknown = await json('runs', 'show', 'nobody');
    expect(unknown.code).toBe(4);
    expect(unknown.value).toMatchObject({ error: { code: 'UnknownRun' } });
    const other = await ordinal('runs', 'start', 'sales', '--run-id', 'first');
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('RunIdConflict');
  });

  test('a dry run shows what would be read and the first rows', async () => {
    const { code, stdout } = await ordinal(...start, '--dry-run', '--wait');
    expect(code).toBe(0);
    expect(stdout).toContain('A run would read 2 blobs');
    expect(stdout).toMatch(/airports, the first rows:/);
  });
});

describe('lists', () => {
  test('show the newest first, filtered by state, pipeline and time', async () => {
    const { value } = await json('runs', 'list');
    expect(value.length).toBeGreaterThanOrEqual(4);
    const times = value.map(({ startedAt }: { startedAt: string }) => startedAt);
    expect(times).toEqual([...times].sort().reverse());
    const failed = await json('runs', 'list', '--state', 'failed');
    expect(failed.value.map(({ runId }: { runId: string }) => runId)).toEqual(['bad']);
    expect((await json('runs', 'list', '--pipeline', 'sales')).value).toEqual([]);
    expect((await json('runs', 'list', '--since', '1h')).value.length).toBe(value.length);
    expect((await json('runs', 'list', '--since', '2999-01-01')).value).toEqual([]);
    expect((await json('runs', 'list', '--limit', '2')).value.length).toBe(2);
  });

  test('of manifests need no host', async () => {
    const { code, stdout } = await run(['runs', 'list', '--manifests'], {
      env: { ...env, ORDINAL_HOST: 'http://127.0.0.1:9' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/second +flights +published/);
  });

  test('of sequences and keys have their figures; an unknown one ends with 4', async () => {
    const { value } = await json('sequences', 'list');
    const flights = value.find(({ name }: { name: string }) => name === 'flights.flights');
    expect(BigInt(flights.next)).toBe(351n);
    expect((await ordinal('sequences', 'list')).stdout).toMatch(/flights\.flights +351/);
    expect((await ordinal('sequences', 'show', 'flights.flights')).stdout).toMatch(/next ID +351/);
    const nope = await ordinal('sequences', 'show', 'nope');
    expect(nope.code).toBe(4);
    expect(nope.stderr).toContain('UnknownSequence: there is no sequence "nope"');
    const keys = await json('keys', 'list');
    expect(keys.value.find(({ index }: { index: string }) => index === 'flights.airports').partitions[0].keys).toBe(5);
    expect((await ordinal('keys', 'show', 'flights.airports')).stdout).toMatch(/partition/);
    expect((await ordinal('keys', 'show', 'airport')).code).toBe(4);
  });

  test.skipIf(!hasTerminal).for([60, 160])('fit a terminal of %i columns', async (columns) => {
    const { lines, code } = await onTerminal(['runs', 'list'], columns, { env: { ...env, NO_COLOR: '1' } });
    expect(code).toBe(0);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
    for (const runId of ['first', 'second', 'bad']) expect(lines.join('\n')).toContain(runId);
  });

  test.skipIf(!hasTerminal)('a run on a terminal has a line that is drawn again, and leaves its result', async () => {
    const { text, code } = await onTerminal(['runs', 'start', 'flights', '--again', '--wait'], 100, { env });
    expect(code).toBe(0);
    // How its bar looks is a test of `terminal.test.ts`: a run of this size may end before it has one.
    expect(text).toContain('\u001b[1G');
    expect(text.slice(text.indexOf('\u001b[?25h'))).toContain('Completed');
  });
});

describe('operators', () => {
  test('export, raise and import sequences; rebuild keys; clean a run', async () => {
    const file = path.join(folder, 'flights.json');
    expect((await ordinal('sequences', 'export', 'flights.flights', '--file', file)).code).toBe(0);
    const { next } = JSON.parse(readFileSync(file, 'utf8'));
    expect(BigInt(next)).toBeGreaterThan(351n);
    expect((await ordinal('sequences', 'import', 'flights.flights', '--file', file)).code).toBe(0);
    expect((await ordinal('sequences', 'raise', 'flights.flights', '--to', '1000')).stdout).toContain('next is 1001');
    // What it was before is not what it is now.
    const refused = await ordinal('sequences', 'import', 'flights.flights', '--file', file);
    expect(refused.code).toBe(1);
    writeFileSync(file, 'no JSON');
    expect((await ordinal('sequences', 'import', 'flights.flights', '--file', file)).code).toBe(1);
    expect((await ordinal('sequences', 'export', 'sales.orders')).code).toBe(4);
    const rebuilt = await json('keys', 'rebuild', 'flights.airports');
    expect(rebuilt.value).toMatchObject({ keys: 5, epoch: 2 });
    expect((await ordinal('runs', 'clean', 'bad')).stdout).toMatch(/bad: \d+ blobs removed/);
    expect((await ordinal('runs', 'clean', 'nobody')).code).toBe(4);
    expect((await ordinal('pipelines', 'accept', 'flights')).code).toBe(0);
  });

  test('verify reads everything again: 0 when in order, 1 when not', async () => {
    expect((await ordinal('verify', '--all')).code).toBe(0);
    expect((await ordinal('verify', 'nobody')).code).toBe(4);
    const [file] = (await app.names('published', 'flights/flights/')).filter((name) => name.includes('second'));
    const bytes = await app.download('published', file!);
    bytes[100] = bytes[100]! ^ 1;
    await app.upload('published', file!, bytes);
    const { code, stdout } = await ordinal('verify', 'second');
    expect(code).toBe(1);
    expect(stdout).toContain('NOT in order');
  });

  test('import keys: once, again, more of them, and not what contradicts', async () => {
    const file = path.join(folder, 'old.parquet');
    const imported = async (customers: [id: number, email: string][]) => {
      const bytes = parquetWriteBuffer({
        columnData: [
          { name: 'nr', data: customers.map(([id]) => BigInt(id)), type: 'INT64', nullable: false },
          { name: 'mail', data: customers.map(([, email]) => email), type: 'STRING', nullable: false },
        ],
      });
      writeFileSync(file, new Uint8Array(bytes));
      return ordinal('keys', 'import', 'sales.customers', '--from', file, '--id', 'nr', '--key', 'email=mail');
    };
    const old: [number, string][] = [
      [900, 'ann@example.com'],
      [7, 'bob@example.com'],
    ];
    const first = await imported(old);
    expect(first.stderr).toBe('');
    expect(first.stdout).toContain('2 keys imported, 0 were there with these IDs; it has 2');
    expect(first.stdout).toContain('sales.customers: goes on at 901');
    expect((await imported(old)).stdout).toContain('nothing to add; 2 keys are there with these IDs');
    const more = await imported([...old, [8, 'cem@example.com']]);
    expect(more.stdout).toContain('1 keys imported, 2 were there with these IDs; it has 3');
    expect(more.stdout).toContain('goes on at 901');
    const wrong = await imported([[901, 'ann@example.com']]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('key "ann@example.com" of row 0 has ID 901 here, and ID 900 in the index');
    expect((await json('keys', 'rebuild', 'sales.customers')).value).toMatchObject({ keys: 3 });
    const { value } = await json('verify', '--all', '--no-source');
    const imports = value.filter(({ runId }: { runId: string }) => runId.startsWith('import '));
    expect(imports.map(({ findings }: { findings: string[] }) => findings)).toEqual([[], []]);
  });

  test('a key that the host refuses is said, with what to do', async () => {
    const strict = await startApp({ ORDINAL_BATCH_ROWS: '100' }, ['--enable-auth'], { azurite });
    try {
      const { code, stderr } = await run(['runs', 'list'], { env: { ...env, ORDINAL_HOST: strict.url } });
      expect(code).toBe(3);
      expect(stderr).toContain('refuses access (401)');
      expect(stderr).toContain('--key');
    } finally {
      await strict.stop();
    }
  });
});

describe('a backfill', () => {
  test('is started, followed with one progress and shown; an unknown one ends with 4', async () => {
    for (const [i, day] of ['1', '2', '3'].entries()) {
      await app.upload('landing', `flights/days/${day}/a.parquet`, flightsFile(20 + i, 10 + i));
    }
    const start = [
      'backfill',
      'start',
      'flights',
      '--id',
      'days',
      '--prefix',
      'flights/days/',
      '--at-once',
      '1',
      '--wait',
    ];
    const { code, stdout, stderr } = await ordinal(...start);
    expect(code, stderr + stdout).toBe(0);
    expect(stdout).toMatch(/runs +3 of 3, 1 at once/);
    expect(stdout).toMatch(/source rows +63/);
    expect(stderr).toMatch(/3\/3 files/);
    const { value } = await json('backfill', 'show', 'days');
    expect(value).toMatchObject({ backfillId: 'days', status: 'Completed', files: { done: 3, total: 3 } });
    expect((await ordinal('backfill', 'watch', 'days')).code).toBe(0);
    expect((await ordinal('backfill', 'show', 'nobody')).code).toBe(4);
    expect((await ordinal('backfill', 'start', 'flights', '--by', 'hour')).code).toBe(2);
  });
});

describe('a withdrawal', () => {
  test('is not begun without a clear yes', async () => {
    const { code, stderr } = await ordinal('runs', 'withdraw', 'second');
    expect(code).toBe(2);
    expect(stderr).toContain('nothing was done');
    expect((await json('runs', 'withdraw', 'second')).code).toBe(2);
    if (!hasTerminal) return;
    const refused = await onTerminal(['runs', 'withdraw', 'second'], 100, { env, answer: 'n\n' });
    expect(refused.text).toContain('[y/N]');
    expect(refused.code).toBe(2);
  });

  test('takes the newest run back; one that a later run builds on is refused; then it is done before', async () => {
    // The key indexes of flights are shared by all its runs: only the last one may go.
    const refused = await ordinal('runs', 'withdraw', 'first', '--yes');
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('RunInUse');
    await app.upload('landing', 'flights/wrong/a.parquet', flightsFile(30, 99));
    expect(
      (await ordinal('runs', 'start', 'flights', '--run-id', 'wrong', '--prefix', 'flights/wrong/', '--wait')).code,
    ).toBe(0);
    const { code, stdout } = await ordinal('runs', 'withdraw', 'wrong', '--reason', 'wrong file', '--yes');
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Run wrong is withdrawn.');
    const again = await json('runs', 'withdraw', 'wrong', '--yes');
    expect(again.value).toMatchObject({ status: 'Withdrawn', withdrawn: { reason: 'wrong file' } });
    expect((await ordinal('runs', 'show', 'wrong')).stdout).toContain('withdrawn');
    expect((await ordinal('runs', 'withdraw', 'nobody', '--yes')).code).toBe(4);
  });
});

describe('refused rows', () => {
  test('are shown as a table, as CSV and as JSON', async () => {
    // A storage of its own: the engine in this process knows nothing of what the app has numbered.
    const own = await startAzurite();
    try {
      const { runId, refused } = await quarantinedRun(own.connectionString);
      const rejects = (...args: string[]) =>
        run(['runs', 'rejects', ...args], { env: { ...env, AzureWebJobsStorage: own.connectionString } });
      const shown = await rejects(runId);
      expect(shown.code).toBe(0);
      expect(shown.stdout).toMatch(new RegExp(`^${refused} rows were refused`));
      const value = JSON.parse((await rejects(runId, '--json')).stdout);
      expect(value.length).toBe(refused);
      expect(value[0]).toMatchObject({ blob: 'flights/refused/a.parquet', row: 1, column: 'origin' });
      const csv = await rejects(runId, '--csv');
      expect(csv.stdout.split('\r\n')[0]).toMatch(/^blob,row,column,value,reason/);
      // A value with a comma and a quote is quoted.
      expect(csv.stdout).toContain('"a,""b"');
      const file = path.join(folder, 'refused.csv');
      expect((await rejects(runId, '--csv', '--file', file)).code).toBe(0);
      expect(readFileSync(file, 'utf8')).toBe(csv.stdout);
      // The rows themselves, whole: to be mended and taken in again.
      const rows = JSON.parse((await rejects(runId, '--rows', '--json')).stdout);
      expect(rows.map(({ origin, destination }: Record<string, string>) => [origin, destination])).toEqual([
        ['a,"b', 'CLT'],
        ['X', 'CLT'],
      ]);
      expect((await rejects('nobody')).code).toBe(4);
    } finally {
      await own.stop();
    }
    expect((await ordinal('runs', 'rejects', 'first')).stdout).toContain('refused no row');
  });
});

describe('pipelines check', () => {
  const write = (name: string, columns: Parameters<typeof parquetWriteBuffer>[0]['columnData']) => {
    const file = path.join(folder, name);
    writeFileSync(file, new Uint8Array(parquetWriteBuffer({ columnData: columns })));
    return file;
  };

  test('a file that fits: 0, and which pipeline it is of', async () => {
    const file = path.join(folder, 'fits.parquet');
    writeFileSync(file, flightsFile(300));
    const { code, stdout } = await ordinal('pipelines', 'check', file);
    expect(stdout).toContain('fits pipeline flights: 300 rows');
    expect(code).toBe(0);
  });

  test('every column at fault is named, with what to do', async () => {
    const file = write('columns.parquet', [
      { name: 'date', data: ['today'], type: 'STRING' },
      { name: 'delay', data: [1], type: 'INT32' },
      { name: 'distanse', data: [1], type: 'INT32' },
      { name: 'origin', data: ['ABQ'], type: 'STRING' },
      { name: 'destination', data: ['BOS'], type: 'STRING' },
    ]);
    const { code, stdout } = await ordinal('pipelines', 'check', file, '--pipeline', 'flights');
    expect(code).toBe(1);
    expect(stdout).toContain('does NOT fit pipeline flights');
    expect(stdout).toContain('column "date"');
    expect(stdout).toContain("'distanse'");
    const { value } = await json('pipelines', 'check', file, '--pipeline', 'flights');
    const faulty = value[0].columns.filter(({ fault }: { fault: string | null }) => fault !== null);
    expect(faulty.map(({ column }: { column: string }) => column)).toEqual(['date', 'distance']);
  });

  test('every refused value is counted, with its reason and first row', async () => {
    const file = write('values.parquet', [
      { name: 'date', data: [0, 1, 2, 3].map((d) => new Date(Date.UTC(2001, 0, d + 1))), type: 'TIMESTAMP' },
      { name: 'delay', data: [1, 2, 3, 4], type: 'INT32' },
      { name: 'distance', data: [1, -5, 3, -7], type: 'INT32' },
      { name: 'origin', data: ['ABQ', 'BOSTON', 'CLT', 'DEN'], type: 'STRING' },
      { name: 'destination', data: ['BOS', 'ABQ', 'ABQ', 'ABQ'], type: 'STRING' },
    ]);
    const { code, value } = await json('pipelines', 'check', file, '--pipeline', 'flights');
    expect(code).toBe(1);
    expect(value[0]).toMatchObject({ fits: false, rows: 4, refusedRows: 2 });
    const refusals = value[0].refusals.map(({ column, values, firstRow, firstValue }: Record<string, unknown>) => ({
      column,
      values,
      firstRow,
      firstValue,
    }));
    expect(refusals).toEqual([
      { column: 'distance', values: 2, firstRow: 1, firstValue: '-5' },
      { column: 'origin', values: 1, firstRow: 1, firstValue: 'BOSTON' },
    ]);
  });

  test('what is no Parquet file is said', async () => {
    const file = path.join(folder, 'text.parquet');
    writeFileSync(file, 'a,b,c');
    const { code, stdout } = await ordinal('pipelines', 'check', file, '--pipeline', 'flights');
    expect(code).toBe(1);
    expect(stdout).toContain('NotParquet');
    expect(stdout).toContain(file);
  });
});

describe('doctor', () => {
  test('names the setting, the app and the pipeline that are wrong, and how to mend them', async () => {
    const away = await run(['doctor', '--json'], {
      env: { ...env, ORDINAL_HOST: 'http://127.0.0.1:9', ORDINAL_BATCHROWS: '5' },
    });
    expect(away.code).toBe(1);
    const { here, app: there } = JSON.parse(away.stdout);
    expect(here).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        subject: 'ORDINAL_BATCHROWS',
        remedy: 'Rename it to ORDINAL_BATCH_ROWS, or remove it.',
      }),
    );
    expect(there).toEqual([
      expect.objectContaining({ level: 'wrong', area: 'app', says: expect.stringContaining('no host answers') }),
    ]);
  });

  test('says that the storage is not reached, or which setting is wrong', async () => {
    const nowhere = 'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;';
    const lost = await run(['doctor', '--offline', '--json'], { env: { ...env, AzureWebJobsStorage: nowhere } });
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.stdout).here).toContainEqual(
      expect.objectContaining({ level: 'wrong', area: 'storage', subject: 'ordinal' }),
    );
    const wrong = await run(['doctor', '--offline'], { env: { ...env, ORDINAL_KEEP_DAYS: 'ever' } });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('What to do');
    expect(wrong.stdout).toContain('ORDINAL_KEEP_DAYS');
  });

  test('says that there is no app in a folder', async () => {
    const { code, stdout } = await asProcess(['doctor', '--offline'], { env, cwd: folder });
    expect(code).toBe(1);
    expect(stdout).toContain('host.json: there is none in this folder');
  });
});
