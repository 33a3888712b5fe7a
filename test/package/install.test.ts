/**
 * The packages as users get them: packed, installed into an app that `ordinal init` wrote, in a folder outside of the
 * repository. The app compiles strictly, its tests pass, what is deployed of it runs its main job on the packed local host,
 * and DuckDB reads what was published. No minor version has been released yet, so there is no older app to run against this one.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { initApp } from '../../cli/init/init.ts';
import { packAll } from '../../tools/build-packages.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { checksInstalled } from '../../tools/peers.ts';
import { type App, startApp } from '../http/support/app.ts';
import { linkPackages } from './linked-packages.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let archives: string;
let app: string;

/** A user's environment: nothing of the npm that runs these tests. */
const userEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE_OPTIONS$|VITEST|NODE_ENV$)/.test(name)),
);

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function run(file: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, env: { ...userEnv, ...env }, maxBuffer: 2 ** 25 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

async function succeed(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, cwd, env);
  assert.equal(code, 0, `${path.basename(file)} ${args.join(' ')}:\n${stdout}\n${stderr}`);
  return stdout;
}

const node = (args: readonly string[], cwd: string) => succeed(process.execPath, args, cwd);
/** A command of the app's packages. */
const command = (name: string) => path.join(app, 'node_modules/.bin', name);

async function filesBelow(at: string): Promise<string[]> {
  const found = await readdir(at, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => one.isFile())
    .map((one) => path.relative(at, path.join(one.parentPath, one.name)))
    .sort();
}

const manifestOf = async (at: string) =>
  JSON.parse(await readFile(path.resolve(repository, at, 'package.json'), 'utf8')) as Record<string, object>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-package-'));
  archives = path.join(folder, 'archives');
  app = path.join(folder, 'my-shop');
  await packAll(archives);
  await initApp(app, { packages: archives });
  const manifests = await Promise.all(['packages/ordinal', 'packages/local-host'].map(manifestOf));
  const { dependencies, devDependencies } = await manifestOf(app);
  await linkPackages(repository, app, [{ dependencies: { ...dependencies, ...devDependencies } }, ...manifests]);
  await succeed('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'], app);
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds what it exports, with types and source maps, and nothing of the example app', async () => {
    const installed = path.join(app, 'node_modules/@ordinal-ids/ordinal');
    const files = await filesBelow(installed);
    const page = files.filter((each) => /^dist\/src\/monitor\/static\/.*\.(html|js|css|svg)$/.test(each));
    assert.equal(page.length, 4, page.join());
    assert.ok(!files.some((each) => each.startsWith('dist/src/monitor/page/')));
    for (const each of ['README.md', 'LICENSE', 'dist/src/parquet/README.md', 'docs/pipelines.md'])
      assert.ok(files.includes(each), each);
    assert.ok(files.includes('dist/template/package.json.template'));
    const { exports } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string; default: string } | string>;
    };
    for (const entry of Object.values(exports)) {
      if (typeof entry === 'string') continue;
      const file = entry.default.slice(2);
      for (const each of [file, `${file}.map`, entry.types.slice(2)]) assert.ok(files.includes(each), each);
    }
    const top = new Set(files.map((each) => each.split(path.sep).slice(0, 2).join('/')));
    for (const other of ['dist/functions', 'dist/pipelines', 'dist/test', 'dist/bench'])
      assert.ok(!top.has(other), other);
    // Declarations name modules as Node finds them.
    for (const each of files.filter((one) => one.endsWith('.d.ts'))) {
      assert.doesNotMatch(await readFile(path.join(installed, each), 'utf8'), /from ['"]\.[^'"]*\.ts['"]/, each);
    }
  });

  it('is what npm create writes an app with, too', async () => {
    const unpacked = path.join(folder, 'create');
    await mkdir(unpacked);
    const archive = (await readdir(archives)).find((each) => each.startsWith('ordinal-ids-create-'))!;
    await succeed('tar', ['-xzf', path.join(archives, archive), '-C', unpacked], folder);
    const { bin, version } = JSON.parse(await readFile(path.join(unpacked, 'package/package.json'), 'utf8')) as {
      bin: { create: string };
      version: string;
    };
    const create = path.join(unpacked, 'package', bin.create);
    const said = await node([create, 'created'], folder);
    assert.match(said, /cd created/);
    const created = path.join(folder, 'created');
    const ours = (await filesBelow(app)).filter((each) => !/^(node_modules|dist|package-lock)/.test(each));
    assert.deepEqual(await filesBelow(created), ours);
    const { dependencies } = JSON.parse(await readFile(path.join(created, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    assert.equal(dependencies['@ordinal-ids/ordinal'], `^${version}`);
    // It writes over nothing.
    const { code, stderr } = await run(process.execPath, [create, 'created'], folder);
    assert.equal(code, 1);
    assert.match(stderr, /^"created" is not empty: it holds .*Give a new folder\./);
  });
});

describe.skipIf(!checksInstalled)('the packages as others judge them', () => {
  const names = ['ordinal', 'local-host', 'create'];
  const archiveOf = async (name: string) => {
    const archive = (await readdir(archives)).find((each) => each.startsWith(`ordinal-ids-${name}-`));
    assert.ok(archive, name);
    return path.join(archives, archive);
  };
  const checks = path.join(repository, 'tools/api/node_modules');

  for (const name of names) {
    it(`publint finds nothing in ${name}`, async () => {
      const { publint } = (await import(pathToFileURL(path.join(checks, 'publint/src/index-node.js')).href)) as {
        publint(options: { pack: { tarball: ArrayBuffer }; strict: boolean }): Promise<{ messages: object[] }>;
      };
      const bytes = await readFile(await archiveOf(name));
      const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      assert.deepEqual((await publint({ pack: { tarball }, strict: true })).messages, []);
    });
  }

  for (const name of names.slice(0, 2)) {
    it(`attw finds no type wrong in ${name}, as an ES module`, async () => {
      const attw = path.join(checks, '@arethetypeswrong/cli/dist/index.js');
      await node([attw, await archiveOf(name), '--profile', 'esm-only', '--no-color'], folder);
    });
  }

  it('the report of what is exported is current: npm run api', async () => {
    await node([path.join(repository, 'tools/api/api-report.ts'), '--check'], repository);
  });
});

describe('an app made by ordinal init', () => {
  it('passes its own tests', async () => {
    const said = await succeed('npm', ['test'], app);
    assert.match(said, /pass 3/);
  });

  it('has a command that tries its pipeline and writes a new one, whose contract fits', async () => {
    const sample = await succeed(command('ordinal'), ['try', 'orders', 'sample/orders.parquet'], app);
    for (const line of ['customers: 3 rows, IDs 1 to 3', 'orders: 4 rows, IDs 1 to 4', 'order_lines: 6 rows'])
      assert.ok(sample.includes(line), sample);
    const duck = await Duck.open();
    const file = path.join(folder, 'trips.parquet');
    await duck.run(`copy (select 'T-' || lpad(range::varchar, 5, '0') as trip_no, 'C' || (range % 7)::varchar as car,
      (range * 3)::int as meters, timestamp '2026-01-01' + interval (range) minute as started,
      case when range % 5 = 0 then null else range / 2.0 end as fuel, range % 2 = 0 as paid
      from range(1000)) to ${literal(file)} (format parquet)`);
    duck.close();
    await succeed(command('ordinal'), ['new', 'pipeline', 'trips', '--from', file], app);
    const text = await readFile(path.join(app, 'pipelines/trips.ts'), 'utf8');
    for (const line of [
      'trip_no: z.string().min(1),',
      'meters: z.int().nonnegative(),',
      'started: z.date(),',
      'fuel: z.number().nonnegative().nullable(),',
      'paid: z.boolean(),',
      '// - trip_no: unique here',
      '// - car: 7 distinct, 142.9 rows each',
    ]) {
      assert.ok(text.includes(line), `${line}\n${text}`);
    }
    assert.match(await readFile(path.join(app, 'pipelines/index.ts'), 'utf8'), /pipelines = \[orders, trips\]/);
    const tried = await succeed(command('ordinal'), ['try', 'trips', file, '--rows', '2'], app);
    assert.match(tried, /trips: 1,000 rows, IDs 1 to 1000/);
  });

  it('compiles with the new pipeline, strictly and with the declarations of all packages checked', async () => {
    await node(['node_modules/typescript/bin/tsc', '--strict', '--skipLibCheck', 'false'], app);
  });

  it('is deployed with what it needs at run time, at the versions of its lock file', async () => {
    const staged = path.join(app, '.ordinal/app');
    await node(['infra/hooks/stage.mjs', staged], app);
    assert.deepEqual((await readdir(staged)).sort(), [...['dist', 'host.json', 'package-lock.json', 'package.json']]);
    assert.deepEqual((await readdir(path.join(staged, 'dist'))).sort(), ['functions', 'pipelines']);
    // As the service installs it, from the lock file alone.
    await succeed('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'], staged);
    const places = Object.keys(
      (JSON.parse(await readFile(path.join(staged, 'package-lock.json'), 'utf8')) as { packages: object }).packages,
    );
    // What the worker shares with the app. All else is in the bundle, Ordinal too.
    assert.deepEqual(
      places,
      [
        '',
        ...['functions', 'functions-extensions-base'].map((each) => `node_modules/@azure/${each}`),
        'node_modules/cookie',
      ].sort(),
    );
  });

  it('runs its main job so, on the packed local host, and DuckDB reads what it published', async () => {
    const localHost = (await import(
      pathToFileURL(path.join(app, 'node_modules/@ordinal-ids/local-host/dist/index.js')).href
    )) as typeof import('../../packages/local-host/src/index.ts');
    const source = path.join(folder, 'source.parquet');
    const duck = await Duck.open();
    await duck.run(`copy (select 'A-' || (range // 3)::varchar as order_no,
      ' Customer' || (range // 3 % 40)::varchar || '@Example.com' as customer_email,
      'Customer ' || (range // 3 % 40)::varchar as customer_name,
      'P' || (range % 9)::varchar as product, (range % 5 + 1)::int as quantity, (range % 11) / 2.0::double as unit_price
      from range(3000)) to ${literal(source)} (format parquet, row_group_size 2048)`);
    const azurite = await localHost.startAzurite();
    let host: App | undefined;
    try {
      host = await startApp({}, [], { scriptRoot: path.join(app, '.ordinal/app'), localHost, azurite });
      const env = { AzureWebJobsStorage: azurite.connectionString, ORDINAL_HOST: host.url };
      await succeed(command('ordinal'), ['pipelines', 'upload', 'orders', source], app, env);
      await succeed(command('ordinal'), ['runs', 'start', 'orders', '--run-id', 'day1', '--wait'], app, env);
      const files: Record<string, string> = {};
      for (const entity of ['customers', 'orders', 'order_lines']) {
        const names: string[] = (await host.names('published', `orders/${entity}/`)).filter((one) =>
          one.endsWith('.parquet'),
        );
        assert.equal(names.length, 1, names.join());
        files[entity] = path.join(folder, `${entity}.parquet`);
        await writeFile(files[entity], await host.download('published', names[0]!));
      }
      const [lines, orders, customers, rows] = [files.order_lines!, files.orders!, files.customers!, source].map(
        (file) => `read_parquet(${literal(file)})`,
      );
      assert.deepEqual(
        await duck.row(`select count(*)::int as rows, count(distinct order_line_id)::int as ids,
          min(order_line_id)::int as first, max(order_line_id)::int as last from ${lines}`),
        { rows: 3000, ids: 3000, first: 1, last: 3000 },
      );
      // Every line leads, by its references, to the values of its source row.
      const [pair] = await duck.rows(`select count(*)::int as equal from
        (select row_number() over () as n, * from ${rows}) s join ${lines} l on l.order_line_id = s.n
        join ${orders} o using (order_id) join ${customers} c using (customer_id)
        where o.order_no = s.order_no and l.product = s.product and l.quantity = s.quantity and l.amount = s.quantity * s.unit_price
        and c.email = lower(trim(s.customer_email))`);
      assert.deepEqual(pair, { equal: 3000 });
      assert.deepEqual(
        await duck.row(`select count(*)::int as rows, max(customer_id)::int as last from ${customers}`),
        {
          rows: 40,
          last: 40,
        },
      );
    } finally {
      await host?.stop();
      await azurite.stop();
      duck.close();
    }
  });

  it('may be CommonJS: the package is taken by require', async () => {
    const old = path.join(folder, 'old-style');
    await mkdir(old);
    await symlink(path.join(app, 'node_modules'), path.join(old, 'node_modules'));
    await writeFile(path.join(old, 'package.json'), JSON.stringify({ name: 'old-style', main: 'app.js' }));
    await writeFile(path.join(old, 'host.json'), await readFile(path.join(app, 'host.json')));
    await writeFile(
      path.join(old, 'app.js'),
      `const { pipeline, registerOrdinal } = require('@ordinal-ids/ordinal');
       const { z } = require('zod');
       const trips = pipeline({
         name: 'old-trips',
         source: { container: 'landing', prefix: 'trips/' },
         row: z.object({ car: z.string() }),
         entities: ({ id }) => ({ trips: { kind: 'rows', id: id('trip_id'), columns: { car: 'car' } } }),
       });
       registerOrdinal({ pipelines: [trips] });`,
    );
    const host = await startApp({}, [], { scriptRoot: old });
    try {
      const { body } = await host.ask('GET', 'pipelines');
      assert.deepEqual(
        (body.pipelines as { name: string }[]).map(({ name }) => name),
        ['old-trips'],
      );
    } finally {
      await host.stop();
    }
    // The other entry points, too.
    const said = await node(
      [
        '-e',
        "console.log(typeof require('@ordinal-ids/ordinal/testing').tryPipeline, typeof require('@ordinal-ids/ordinal/parquet').parseFooter)",
      ],
      old,
    );
    assert.equal(said.trim(), 'function function');
  });
});
