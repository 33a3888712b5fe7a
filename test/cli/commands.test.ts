/** The command line itself: exit codes and what is said, by a process of its own, without a host and without a storage. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { allCommands } from '../../cli/commands/index.ts';
import { parseDuration, parseSince } from '../../cli/parse.ts';
import { buildProgram } from '../../cli/program.ts';
import { suggestCommands } from '../../cli/suggest.ts';
import { hasTerminal, onTerminal, ordinal as run } from './support/command.ts';

// An address where nobody listens: a command that gets as far as the store or the host says so.
const env = { AzureWebJobsStorage: 'UseDevelopmentStorage=true', ORDINAL_HOST: 'http://127.0.0.1:9' };
const ordinal = (...args: string[]) => run(args, { env });

const commands = await allCommands();
const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('--key', () => {
  const parsed = async (name: string, ...args: string[]) => {
    let seen: unknown[] = [];
    const one = commands.find((each) => each.name === name)!;
    const work = async (_: unknown, ...given: unknown[]) => {
      seen = [...seen, ...given];
      return { show: [], value: null };
    };
    const program = buildProgram('ordinal', '1.2.3', [{ ...one, work }], async (options, does) => {
      seen = [options.key];
      await does({} as never);
    });
    await program.parseAsync([...name.split(' '), ...args], { from: 'user' });
    return seen;
  };

  test('of the import of keys names columns', async () => {
    const file = ['--from', 'a', '--id', 'b'];
    expect(await parsed('keys import', 'i', ...file, '--key', 'x=y', '--key', 'z=w')).toEqual([
      undefined,
      { from: 'a', id: 'b', key: ['x=y', 'z=w'] },
      'i',
    ]);
    expect(await parsed('keys import', 'i', ...file)).toEqual([undefined, { from: 'a', id: 'b', key: [] }, 'i']);
  });

  test('of any other command is a function key, wherever it stands', async () => {
    expect((await parsed('keys show', 'i', '--key', 'secret'))[0]).toBe('secret');
    expect((await parsed('runs list', '--key', 'one', '--key', 'two'))[0]).toBe('two');
    expect((await parsed('runs list'))[0]).toBeUndefined();
  });
});

describe('help', () => {
  test('names every group and command that stands alone, and the options of all', async () => {
    const { code, stdout } = await ordinal('--help');
    expect(code).toBe(0);
    for (const name of new Set(commands.map((each) => each.name.split(' ')[0]!))) expect(stdout).toContain(name);
    for (const option of ['--host', '--key', '--code', '--scope', '--json', '--version'])
      expect(stdout).toContain(option);
  });

  test('of a command has arguments, options, examples and what it needs', async () => {
    const { code, stdout } = await ordinal('runs', 'start', '--help');
    expect(code).toBe(0);
    for (const text of [
      '<pipeline>',
      '--prefix <prefix>',
      '--wait',
      'runs start flights --wait',
      'Needs the running app',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  test('every command has help', () => {
    const program = buildProgram('ordinal', '1.2.3', commands, async () => {});
    for (const { name, summary } of commands) {
      const words = name.split(' ');
      const group = program.commands.find((each) => each.name() === words[0])!;
      const command = words.length === 1 ? group : group.commands.find((each) => each.name() === words[1])!;
      expect(command.helpInformation().replace(/\s+/g, ' '), name).toContain(summary);
      if (words.length > 1) expect(group.helpInformation()).toContain(`${words[1]} `);
    }
  });

  test('no command has an option of the name that one of all commands has, but the key of an import, which gets it', () => {
    const program = buildProgram('ordinal', '1.2.3', commands, async () => {});
    const all = new Set(program.options.map(({ long }) => long));
    const leaves = program.commands.flatMap((each) => (each.commands.length > 0 ? each.commands : [each]));
    const twice = leaves.flatMap((each) => each.options.map(({ long }) => `${each.name()} ${long}`));
    expect(twice.filter((one) => all.has(one.split(' ')[1]!))).toEqual(['import --key']);
  });

  test('--version prints the version alone', async () => {
    const { code, stdout } = await ordinal('--version');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });
});

describe('a mistyped command ends with 2 and says what was wrong', () => {
  test.for([
    [['nonsense'], "unknown command 'nonsense'"],
    [['runs', 'nonsense'], "unknown command 'nonsense'"],
    [['runs', 'show'], "missing required argument 'run'"],
    [['runs', 'show', 'a', 'b'], 'too many arguments'],
    [['sequences', 'import', 'orders'], "required option '--file <path>' not specified"],
    [['verify', '--nonsense'], "unknown option '--nonsense'"],
    [['verify'], 'give one run ID, or --all'],
    [['sequences', 'raise', 'orders', '--to', 'many'], '--to many is not an ID'],
    [['runs', 'list', '--state', 'runing'], 'Give one or several of pending, running'],
    [['runs', 'list', '--since', 'yesterday'], 'Give a time before now'],
    [['runs', 'list', '--limit', '0'], 'Give a whole number from 1'],
    [['runs', 'start', 'flights', '--prefix', 'a', '--glob', 'b'], 'give one of --prefix, --glob and --blobs'],
    [['runs', 'start', 'flights', '--timeout', '5m'], '--timeout goes with --wait'],
    [['runs', 'restart', 'a', '--timeout', '5m'], '--timeout goes with --wait'],
    [['runs', 'list', '--manifests', '--state', 'failed'], '--manifests lists what was published'],
  ] as const)('%j', async ([args, said]) => {
    const { code, stderr, stdout } = await ordinal(...args);
    expect(stderr).toContain(said);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  test.for([
    [['rusn', 'list'], 'Did you mean runs?'],
    [['runs', 'strat', 'flights'], 'Did you mean start?'],
    [['runs', 'list', '--stat', 'failed'], 'Did you mean --state?'],
    [['list', 'runs'], 'Did you mean "runs list"?'],
    [['start', 'flights'], 'Did you mean "runs start"'],
    [['rebuild', 'customers'], '"sequences rebuild" or "keys rebuild"'],
  ] as const)('%j: %s', async ([args, said]) => {
    const { code, stderr } = await ordinal(...args);
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });

  test('nothing is suggested where nothing is near', () => {
    const names = commands.map((each) => each.name);
    expect(suggestCommands(['zzzzzz'], names)).toEqual([]);
    expect(suggestCommands([], names)).toEqual([]);
    expect(suggestCommands(['pipeline', 'list'], names)).toEqual(['pipelines list']);
  });
});

describe('exit codes', () => {
  test.for([
    [['runs', 'list'], 3, 'no host answers at http://127.0.0.1:9'],
    [['sequences', 'show', 'nobody'], 3, 'StorageFailed: no host answers'],
    [['runs', 'list', '--host', 'localhost'], 3, 'InvalidSettings: "localhost" is not the address of a host'],
    [['sequences', 'raise', 'nobody', '--to', '5'], 4, 'UnknownSequence: no pipeline draws on sequence "nobody"'],
    [['keys', 'rebuild', 'customer'], 4, 'UnknownIndex: no pipeline has a key index "customer"'],
    [['pipelines', 'show', 'flihgts'], 4, "Use 'flights', if that is what you mean."],
    [['pipelines', 'check', 'nowhere.parquet', '--pipeline', 'saels'], 4, "Use 'sales'"],
    [['pipelines', 'check', 'nowhere.parquet'], 4, 'there is no file "nowhere.parquet"'],
    [['pipelines', 'check', 'src'], 4, 'src is not a file'],
    [['new', 'pipeline', 'x', '--from', 'src'], 4, 'src is not a file'],
    // The value of an option is no command, whatever it is.
    [['--key', 'verify', 'runs', 'list'], 3, 'no host answers'],
  ] as const)('%j: %i', async ([args, wanted, said]) => {
    const { code, stderr } = await ordinal(...args);
    expect(stderr).toContain(said);
    expect(code).toBe(wanted);
  });

  test('a setting that is wrong: 3, with the setting by its name', async () => {
    const { code, stderr } = await run(['keys', 'list'], { env: { ...env, ORDINAL_BATCH_ROWS: 'many' } });
    expect(stderr).toContain('setting ORDINAL_BATCH_ROWS');
    expect(code).toBe(3);
  });
});

describe('files of the app that are wrong are named', () => {
  const at = path.join(folder, 'wrong');
  const inApp = (files: Record<string, string>) => {
    rmSync(at, { recursive: true, force: true });
    for (const [name, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
      mkdirSync(path.dirname(path.join(at, name)), { recursive: true });
      writeFileSync(path.join(at, name), text);
    }
  };
  test.for([
    [{ 'local.settings.json': '{ "Values": ' }, ['runs', 'list'], 3, 'local.settings.json: is not JSON'],
    [{ 'local.settings.json': '{"Values":{"A":5}}' }, ['runs', 'list'], 3, 'local.settings.json: Values.A: '],
    [{ 'package.json': '{' }, ['pipelines', 'list'], 3, 'package.json is not JSON'],
    [{ 'pipelines/index.ts': 'export const pipelines = [\n  oops(;\n' }, ['pipelines', 'list'], 1, 'index.ts:2'],
    [{ 'pipelines/index.ts': "import './gone.ts';\n" }, ['pipelines', 'list'], 1, 'gone.ts'],
    [
      { 'pipelines/index.ts': '\nexport const pipelines = [nothing];\n' },
      ['pipelines', 'list'],
      1,
      'pipelines/index.ts:2',
    ],
  ] as const)('%j', async ([files, args, wanted, said]) => {
    inApp(files);
    const { code, stderr, stdout } = await run([...args, '--json'], { cwd: at, env });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout).error).toMatchObject({ code: expect.any(String), remedy: expect.any(String) });
    expect(stdout).toContain(said);
    expect(code).toBe(wanted);
  });

  test('a mark in front of the settings is none of them', async () => {
    inApp({ 'local.settings.json': '\ufeff{"Values":{"ORDINAL_HOST":"http://127.0.0.1:7"}}' });
    const { stderr } = await run(['runs', 'list'], { cwd: at, env: { ...env, ORDINAL_HOST: undefined } });
    expect(stderr).toContain('no host answers at http://127.0.0.1:7');
  });
});

describe('--json', () => {
  test('is one document on standard output, errors too', async () => {
    const wrong = await ordinal('runs', 'list', '--json');
    expect(wrong.code).toBe(3);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'StorageFailed', remedy: expect.any(String) } });
    expect(wrong.stderr).toBe('');
    expect(JSON.parse((await ordinal('runs', '--json')).stdout).error.message).toBe('no command is given');
    const mistyped = await ordinal('--json', 'verify');
    expect(mistyped.code).toBe(2);
    expect(JSON.parse(mistyped.stdout)).toMatchObject({ error: { message: expect.stringContaining('--all') } });
  });

  test('is taken before and after the command', async () => {
    for (const args of [
      ['--json', 'pipelines', 'list'],
      ['pipelines', 'list', '--json'],
    ]) {
      const { code, stdout } = await ordinal(...args);
      expect(code).toBe(0);
      expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(['flights', 'sales']);
    }
  });
});

describe('pipelines', () => {
  test('show has contract, entities, keys and sequences, without any service', async () => {
    const { code, stdout } = await ordinal('pipelines', 'show', 'sales');
    expect(code).toBe(0);
    for (const text of [
      'customer_email',
      'landing/sales/*.parquet',
      'order_lines',
      'email in',
      'customer_id -> customers',
    ]) {
      expect(stdout).toContain(text);
    }
    const { stdout: json } = await ordinal('pipelines', 'show', 'sales', '--json');
    expect(JSON.parse(json)).toMatchObject({ name: 'sales', contract: { type: 'object' }, hash: expect.any(String) });
  });
});

describe.skipIf(!hasTerminal)('on a terminal', () => {
  test.for([60, 160])('of %i columns no line of a table is wider, and IDs stay whole', async (columns) => {
    const { code, lines, text } = await onTerminal(['pipelines', 'list'], columns, { env: { ...env, NO_COLOR: '1' } });
    expect(code).toBe(0);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(text).toContain('flights');
    if (columns === 60) expect(text).toContain('…');
    else expect(text).not.toContain('…');
  });

  test('colours are written, and not with NO_COLOR; never to a pipe', async () => {
    const painted = '\u001b[';
    expect((await onTerminal(['pipelines', 'list'], 160, { env })).text).toContain(painted);
    expect((await onTerminal(['pipelines', 'list'], 160, { env: { ...env, NO_COLOR: '1' } })).text).not.toContain(
      painted,
    );
    expect((await ordinal('pipelines', 'list')).stdout).not.toContain(painted);
  });
});

test('durations and times', () => {
  expect(['90s', '15m', '2h', '7d', '1w'].map(parseDuration)).toEqual([9e4, 9e5, 7.2e6, 6.048e8, 6.048e8]);
  for (const wrong of ['', '5', 'm', '-5m', '1y', '1.5h'])
    expect(() => parseDuration(wrong)).toThrow(/number and a unit/);
  const now = Date.UTC(2026, 10, 30, 12);
  expect(parseSince('2h', now)).toBe('2026-11-30T10:00:00.000Z');
  expect(parseSince('2026-11-29', now)).toBe('2026-11-29T00:00:00.000Z');
  expect(parseSince('2026-11-29T10:00:00+01:00', now)).toBe('2026-11-29T09:00:00.000Z');
  for (const wrong of ['soon', '2026', '2026-13-01']) expect(() => parseSince(wrong, now)).toThrow(/time before now/);
});

test('settings of another file are not read: the environment wins', async () => {
  writeFileSync(path.join(folder, 'local.settings.json'), '{"Values":{"ORDINAL_HOST":"http://127.0.0.1:8"}}');
  const from = (of: Record<string, string | undefined>) => run(['runs', 'list'], { cwd: folder, env: of });
  expect((await from({ ...env, ORDINAL_HOST: undefined })).stderr).toContain('http://127.0.0.1:8');
  expect((await from(env)).stderr).toContain('http://127.0.0.1:9');
});
