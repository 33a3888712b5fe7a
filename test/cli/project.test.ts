/**
 * Commands that work on a project's own files: a new app, a new pipeline, and pipelines tried over local files. Each by a
 * process of its own, without a host and without a storage.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, test } from 'vitest';
import { uploadFile } from '../../cli/commands/upload.ts';
import { appName, nextSteps } from '../../cli/init/init.ts';
import { appNodeLeast, oldNode } from '../../cli/init/old-node.ts';
import { pipelineText, withPipeline } from '../../cli/new/pipeline-text.ts';
import { profileFile } from '../../cli/new/profile.ts';
import { pipelines } from '../../pipelines/index.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { fileOfRows } from '../../src/testing/rows.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { ordinal } from './support/command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-project-'));
afterAll(() => rmSync(folder, { recursive: true }));

const flight = { date: new Date(Date.UTC(2001, 0, 1)), delay: 3, distance: 337, origin: 'LAX', destination: 'SFO' };
const flights = path.join(folder, 'flights.parquet');
writeFileSync(flights, fileOfRows(pipelines.get('flights')!, [flight, { ...flight, delay: 16, origin: 'OAK' }]));

describe('init', () => {
  test('writes an app, named as its folder, and writes over nothing', async () => {
    const made = await ordinal(['init', 'My Shop'], { cwd: folder });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain('npm install');
    const app = path.join(folder, 'My Shop');
    const manifest = JSON.parse(readFileSync(path.join(app, 'package.json'), 'utf8')) as Record<string, unknown>;
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(manifest.name).toBe('my-shop');
    expect(manifest.dependencies).toMatchObject({ '@ordinal-ids/ordinal': `^${version}` });
    for (const file of [
      '.gitignore',
      '.npmrc',
      'sample/orders.parquet',
      '.funcignore',
      'host.json',
      'infra/hooks/stage.mjs',
      'adf/pipeline',
      'queries',
    ]) {
      expect(existsSync(path.join(app, file)), file).toBe(true);
    }
    // What loads the command's `try` in half the time.
    expect(readFileSync(path.join(app, 'pipelines/orders.ts'), 'utf8')).toContain(
      "from '@ordinal-ids/ordinal/pipeline'",
    );
    for (const file of ['package.json', 'README.md']) {
      expect(readFileSync(path.join(app, file), 'utf8')).not.toContain('{{');
    }
    expect(readFileSync(path.join(app, 'azure.yaml'), 'utf8')).toMatch(/^name: my-shop$/m);
    expect(['/tmp/X', '/tmp/...', '/tmp/Müller & Co'].map(appName)).toEqual(['x-app', 'ordinal-app', 'm-ller-co']);
    writeFileSync(path.join(app, 'README.md'), 'mine');
    const again = await ordinal(['init', 'My Shop'], { cwd: folder });
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/"My Shop" is not empty: it holds .* Give a new folder\./);
    expect(readFileSync(path.join(app, 'README.md'), 'utf8')).toBe('mine');
  });

  test('takes archives in place of versions, and says what to do where there are none', async () => {
    const archives = path.join(folder, 'archives');
    mkdirSync(archives);
    const without = await ordinal(['init', 'other', '--packages', archives], { cwd: folder });
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('holds no archive of @ordinal-ids/ordinal. Run: npm run packages');
    for (const name of ['ordinal', 'local-host'])
      writeFileSync(path.join(archives, `ordinal-ids-${name}-0.1.0.tgz`), '');
    expect(await ordinal(['init', 'other', '--packages', archives], { cwd: folder })).toMatchObject({ code: 0 });
    const manifest = readFileSync(path.join(folder, 'other/package.json'), 'utf8');
    expect(manifest).toContain('"@ordinal-ids/ordinal": "file:../archives/ordinal-ids-ordinal-0.1.0.tgz"');
    expect(manifest).toContain('"@ordinal-ids/local-host": "file:../archives/ordinal-ids-local-host-0.1.0.tgz"');
  });
});

describe('a Node that is too old', () => {
  test('is told which one is needed, and the app says the same', () => {
    for (const version of ['20.20.2', '22.17.1', '8.0.0'])
      expect(oldNode(version)).toBe(
        `Node ${version} runs here, and an app of Ordinal needs 22.18.0 or later. Install Node 24, or the newest 22.`,
      );
    for (const version of ['22.18.0', '22.23.3', '24.0.0', '100.1.0']) expect(oldNode(version)).toBeUndefined();
    const { engines } = JSON.parse(readFileSync(path.join(root, 'template/package.json.template'), 'utf8')) as {
      engines: { node: string };
    };
    expect(`${engines.node}.0`).toBe(`>=${appNodeLeast}`);
    expect(readFileSync(path.join(root, 'template/npmrc.template'), 'utf8')).toContain('engine-strict=true');
    expect(nextSteps('my-app', oldNode('20.20.2')).join('\n')).toContain('Install Node 24');
  });
});

describe('pipelines upload', () => {
  const source = { container: 'landing', prefix: 'orders/', suffix: '.parquet' };

  test('puts a file of several blocks where the pipeline reads, and writes over it only when told to', async () => {
    const store = new MemoryStore();
    await store.ensureContainer('landing');
    const file = path.join(folder, 'big.parquet');
    const bytes = Buffer.alloc(17 * 1024 * 1024 + 5, 'abcdefg');
    writeFileSync(file, bytes);
    expect(await uploadFile(store, source, file, false)).toEqual({ blob: 'orders/big.parquet', bytes: bytes.length });
    expect(bytes.equals((await store.read('landing', 'orders/big.parquet'))!)).toBe(true);
    writeFileSync(file, 'another');
    await expect(uploadFile(store, source, file, false)).rejects.toMatchObject({
      code: 'StorageConflict',
      message: '"landing/orders/big.parquet" is there already',
      remedy: 'Give the file another name. Or replace the blob: add --replace.',
    });
    await uploadFile(store, source, file, true);
    expect(Buffer.from((await store.read('landing', 'orders/big.parquet'))!).toString()).toBe('another');
  });

  test('refuses a file that the pipeline would not read, and one that is not there', async () => {
    const store = new MemoryStore();
    await expect(uploadFile(store, source, 'rows.csv', false)).rejects.toThrow(
      'rows.csv does not end in .parquet: the pipeline would not read it.',
    );
    await expect(uploadFile(store, source, path.join(folder, 'none.parquet'), false)).rejects.toMatchObject({
      code: 'SourceEmpty',
    });
  });
});

const profileOf = (bytes: Uint8Array) => {
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return profileFile({ size: bytes.length, read }, 'a file');
};

describe('new pipeline', () => {
  test('says of each column its type, its nulls and what could be checked, and which columns could be keys', async () => {
    const duck = await Duck.open();
    const file = path.join(folder, 'all.parquet');
    await duck.run(`copy (select 'A-' || lpad(range::varchar, 4, '0') as "order no", range % 50 as customer,
      case range % 3 when 0 then 'web' when 1 then 'store' else 'phone' end as channel,
      case when range % 10 = 0 then null else range - 5 end as delta, 9007199254740993 + range as big,
      (range / 4.0)::decimal(9,2) as price, date '2026-01-01' + (range % 9)::int as day, range::double as ratio,
      timestamp '2026-01-01' + interval (range) second as at, range % 2 = 0 as flag, 'x'::blob as raw, uuid() as key,
      [range] as many, '' as nothing, range as all_id
      from range(200)) to ${literal(file)} (format parquet)`);
    duck.close();
    const text = pipelineText('all', 'all.parquet', await profileOf(readFileSync(file)), {
      from: '@ordinal-ids/ordinal',
    });
    for (const line of [
      "    'order no': z.string().min(1),",
      '    customer: z.int().nonnegative(),',
      '    channel: z.string().min(1),',
      '    delta: z.int().nullable(),',
      '    big: z.bigint(),',
      '    price: z.number(),',
      '    day: z.date(),',
      '    ratio: z.number().nonnegative(),',
      '    at: z.date(),',
      '    flag: z.boolean(),',
      '    raw: z.instanceof(Uint8Array),',
      '    key: z.string(),',
      '    nothing: z.string(),',
      '    // many is nested: it is not read.',
      '  // - order no: unique here',
      '  // - customer: 50 distinct, 4.0 rows each',
      "      id: id('own_all_id'),",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toContain("z.enum(['web', 'store', 'phone'])?");
    expect(text).toContain('20 nulls');
    expect(text).toMatch(/all of 6 characters: \.length\(6\)\?/);
    // What is written starts up, and takes every row of the file.
    const tried = await tryText('app', text, file);
    expect(tried).toMatchObject({ code: 0, stderr: '' });
    expect(tried.stdout).toContain('all: 200 rows, IDs 1 to 200');
  });

  /** Runs a module that was written, `all`, over a file. */
  async function tryText(name: string, text: string, file: string) {
    const app = path.join(folder, name);
    mkdirSync(path.join(app, 'pipelines'), { recursive: true });
    writeFileSync(path.join(app, 'package.json'), '{"type":"module"}');
    const words = pathToFileURL(path.join(root, 'src/pipeline/index.ts')).href;
    const zod = pathToFileURL(path.join(root, 'node_modules/zod/index.js')).href;
    const runnable = text.replace("'@ordinal-ids/ordinal'", `'${words}'`).replace("'zod'", `'${zod}'`);
    writeFileSync(path.join(app, 'pipelines/all.ts'), runnable);
    writeFileSync(
      path.join(app, 'pipelines/index.ts'),
      "import all from './all.ts';\nexport const pipelines = [all];\n",
    );
    return await ordinal(['try', 'all', file, '--rows', '1'], { cwd: app });
  }

  test('lets no name and no value of a file out of its quotes or its comment', async () => {
    const breakouts = ['\n', '\r', '\u2028', '\u2029'].map((end) => `x${end}throw new Error("out") //`);
    const names = [
      ...breakouts,
      "it's",
      'back\\slash',
      '*/ throw 1 /*',
      'class',
      '1st',
      'zwölf',
      'Upper',
      'upper',
      'all_id',
    ];
    const values = ['a', ...breakouts, "'", '\\'];
    const file = path.join(folder, 'hostile.parquet');
    const columnData = names.map((name) => ({
      name,
      data: Array.from({ length: 40 }, (_, row) => values[row % values.length]!),
      type: 'STRING' as const,
    }));
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData }));
    writeFileSync(file, bytes);
    const text = pipelineText('all', 'a*/ throw 1 /*\n.parquet', await profileOf(bytes), {
      from: '@ordinal-ids/ordinal',
    });
    const tried = await tryText('hostile', text, file);
    expect(tried.stderr).toBe('');
    expect(tried.stdout).toContain('all: 40 rows, IDs 1 to 40');
  });

  test('writes a contract that its file fits, whatever types it has', async () => {
    const duck = await Duck.open();
    const file = path.join(folder, 'odd.parquet');
    await duck.run(`copy (select
      case range when 3 then 'nan'::double when 4 then 'infinity'::double else range end as measure,
      case range when 3 then '-inf'::float else range end as small,
      (18446744073709551615 - range)::ubigint as huge, (4294967295 - range)::uinteger as wide, range::utinyint as tiny,
      (range / 7)::decimal(38, 20) as exact, (range / 4)::decimal(18, 2) as price, time '10:00:00' as at_time,
      interval (range) day as span, timestamp_ns '2026-01-01 00:00:00.123456789' as nano, timestamptz '2026-01-01' as zoned,
      (case range % 2 when 0 then 'on' else 'off' end)::enum ('on', 'off') as state, '{"a": 1}'::json as document,
      null::integer as nothing, null::varchar as no_text, {'a': range, 'b': case when range % 3 = 0 then null else {'c': 'x'} end} as deep, map {'k': range} as pairs
      from range(50)) to ${literal(file)} (format parquet)`);
    await duck.run(
      `copy (select 1 as a, 'x' as b limit 0) to ${literal(path.join(folder, 'none.parquet'))} (format parquet)`,
    );
    duck.close();
    for (const [name, rows] of [
      ['odd', 50],
      ['none', 0],
    ] as const) {
      const of = path.join(folder, `${name}.parquet`);
      const text = pipelineText('all', of, await profileOf(readFileSync(of)), { from: '@ordinal-ids/ordinal' });
      const tried = await tryText(name, text, of);
      expect(tried.stderr, text).toBe('');
      expect(tried.stdout).toContain(`all: ${rows} rows`);
    }
  });

  test('is added to the list, and never written over a file', async () => {
    const app = path.join(folder, 'list');
    mkdirSync(path.join(app, 'pipelines'), { recursive: true });
    writeFileSync(path.join(app, 'package.json'), '{"type":"module"}');
    writeFileSync(path.join(app, 'pipelines/index.ts'), "import a from './a.ts';\n\nexport const pipelines = [a];\n");
    const made = await ordinal(['new', 'pipeline', 'our-flights', '--from', flights], { cwd: app });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(path.join(app, 'pipelines/index.ts'), 'utf8')).toBe(
      "import a from './a.ts';\nimport ourFlights from './our-flights.ts';\n\nexport const pipelines = [a, ourFlights];\n",
    );
    const again = await ordinal(['new', 'pipeline', 'our-flights', '--from', flights], { cwd: app });
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('is there already');
    expect((await ordinal(['new', 'pipeline', 'No', '--from', flights], { cwd: app })).code).toBe(2);
    const lost = await ordinal(['new', 'pipeline', 'lost', '--from', 'nowhere.parquet'], { cwd: app });
    expect(lost.stderr).toContain('there is no file "nowhere.parquet"');
  });

  test('finds lists of several forms', () => {
    expect(withPipeline('export const pipelines = [];\n', 'new')).toBe(
      "import newPipeline from './new.ts';\nexport const pipelines = [newPipeline];\n",
    );
    expect(
      withPipeline("import a from './a.ts';\nexport const pipelines = registerPipelines([\n  a,\n]);\n", 'b'),
    ).toBe("import a from './a.ts';\nimport b from './b.ts';\nexport const pipelines = registerPipelines([a, b]);\n");
    expect(withPipeline('export { pipelines } from "./others.ts";\n', 'b')).toBe(undefined);
    // An import of several lines, and names that are taken, or that a variable cannot have.
    const several = "import {\n  registerPipelines,\n} from '@ordinal-ids/ordinal';\nimport aB from './a-b.ts';\n";
    expect(withPipeline(`${several}export const pipelines = registerPipelines([aB]);\n`, 'a_b')).toBe(
      `${several}import aB2 from './a_b.ts';\nexport const pipelines = registerPipelines([aB, aB2]);\n`,
    );
    const open = "import {\n  a,\n} from './a.ts';\nexport const pipelines = [a];\n";
    expect(withPipeline(open, 'b')).toBe(
      "import {\n  a,\n} from './a.ts';\nimport b from './b.ts';\nexport const pipelines = [a, b];\n",
    );
    for (const name of ['eval', 'arguments', 'default'])
      expect(withPipeline('export const pipelines = [];\n', name)).toContain(`import ${name}Pipeline from`);
  });
});

describe('try', () => {
  test('shows what each entity gets', async () => {
    const { code, stdout, stderr } = await ordinal(['try', 'flights', flights], { cwd: root });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^2 source rows, in \d+ ms/);
    expect(stdout).toMatch(/airports: 3 rows, IDs 1 to 3\n\nairport_id +code/);
    expect(stdout).toMatch(/flights: 2 rows, IDs 1 to 2\n\nflight_id +origin_id/);
  });

  test('is one document for programs, with IDs as texts', async () => {
    const { stdout } = await ordinal(['try', 'flights', flights, '--json'], { cwd: root });
    const { entities } = JSON.parse(stdout) as { entities: Record<string, object[]> };
    expect(entities.airports).toEqual([
      { airport_id: '1', code: 'LAX' },
      { airport_id: '2', code: 'SFO' },
      { airport_id: '3', code: 'OAK' },
    ]);
  });

  test('takes less than two seconds of CPU, for it loads no storage SDK', async () => {
    const hook = pathToFileURL(path.join(import.meta.dirname, 'support/loaded.ts')).href;
    const env = { LOADED_FILE: path.join(folder, 'loaded.json'), NODE_OPTIONS: `--import=${hook}` };
    expect((await ordinal(['try', 'flights', flights], { cwd: root, env })).code).toBe(0);
    const { loaded, cpuMs } = JSON.parse(readFileSync(env.LOADED_FILE, 'utf8')) as { loaded: string[]; cpuMs: number };
    expect(loaded.length).toBeGreaterThan(100);
    expect(loaded.filter((url) => /node_modules\/(@azure|durable-functions)\//.test(url))).toEqual([]);
    expect(cpuMs).toBeLessThan(2000);
  });

  test('says what is wrong: the name, the path, the folder, the rows', async () => {
    const said = async (args: string[], cwd = root) => (await ordinal(args, { cwd })).stderr;
    expect(await said(['try', 'fligths', flights])).toContain("Use 'flights', if that is what you mean.");
    expect(await said(['try', 'flights', 'nowhere'])).toContain('there is no file or folder "nowhere"');
    expect(await said(['try', 'flights', flights], folder)).toMatch(/there is no app of Ordinal in .*\n.*ordinal init/);
    expect(await said(['try', 'flights', flights, '--rows', 'all'])).toContain('--rows all is not a whole number');
    const wrong = path.join(folder, 'wrong.parquet');
    writeFileSync(wrong, fileOfRows(pipelines.get('flights')!, [flight, { ...flight, origin: 'LAXX' }]));
    const refused = await said(['try', 'flights', wrong]);
    expect(refused).toContain('column "origin" holds "LAXX"');
    expect(refused).toMatch(/^Where: flights\/try-1\/.*\.parquet, row group 0, row \d+$/m);
  });
});

test('dev tries again when a pipeline is saved, and ends with Ctrl-C', async () => {
  const app = path.join(folder, 'dev');
  mkdirSync(path.join(app, 'pipelines'), { recursive: true });
  writeFileSync(path.join(app, 'package.json'), '{"type":"module"}');
  const url = (file: string) => pathToFileURL(path.join(root, file)).href;
  const text = (column: string) => `
    import { pipeline } from '${url('src/pipeline/index.ts')}';
    import { z } from '${url('node_modules/zod/index.js')}';
    export const pipelines = [pipeline({
      name: 'small', source: { container: 'landing', prefix: 'small/' }, row: z.object({ origin: z.string() }),
      entities: ({ id }) => ({ all: { kind: 'rows', id: id('all_id'), columns: { ${column}: 'origin' } } }),
    })];`;
  const module = path.join(app, 'pipelines/index.ts');
  writeFileSync(module, text('before'));
  const file = path.join(app, 'day.parquet');
  cpSync(flights, file);
  const child = spawn(process.execPath, [path.join(root, 'cli/main.ts'), 'dev', 'small', file], { cwd: app });
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  const shown = async (pattern: RegExp) => {
    while (!pattern.test(out)) {
      if (child.exitCode !== null) throw new Error(`it ended (${child.exitCode}): ${out}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await shown(/all_id +before[\s\S]*waiting for changes/);
  writeFileSync(module, text('after'));
  await shown(/all_id +after[\s\S]*waiting for changes/);
  // A new file takes the place of the old one, twice: it is not the same file any more.
  for (const origin of ['SJC', 'ONT']) {
    out = '';
    writeFileSync(`${file}.new`, fileOfRows(pipelines.get('flights')!, [{ ...flight, origin }]));
    renameSync(`${file}.new`, file);
    await shown(new RegExp(`${origin}[\\s\\S]*waiting for changes`));
  }
  child.kill('SIGINT');
  await ended;
});
