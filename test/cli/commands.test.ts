/** The command line itself: exit codes and what is said, by a process of its own, without a host and without a storage. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

function ordinal(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  // An address where nobody listens: a command that gets as far as the store or the host says so.
  const env = { ...process.env, ORDINAL_STORAGE: '', AzureWebJobsStorage: 'UseDevelopmentStorage=true' };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('help names every command, its arguments and its options', async () => {
  const { code, stdout } = await ordinal('--help');
  assert.equal(code, 0);
  for (const text of ['verify', 'runs', 'sequences', 'keys', 'pipelines', '--host', '--code', '--json']) {
    expect(stdout).toContain(text);
  }
  const raise = await ordinal('sequences', 'raise', '--help');
  expect(raise.stdout).toContain('<sequence>');
  expect(raise.stdout).toContain('--to <id>');
});

for (const [args, said] of [
  [['nonsense'], "unknown command 'nonsense'"],
  [['runs', 'nonsense'], "unknown command 'nonsense'"],
  [['runs', 'show'], "missing required argument 'run'"],
  [['runs', 'show', 'a', 'b'], 'too many arguments'],
  [['sequences', 'import', 'orders'], "required option '--file <path>' not specified"],
  [['verify', '--nonsense'], "unknown option '--nonsense'"],
] as const) {
  test(`${args.join(' ')}: exit code 2, and why`, async () => {
    const { code, stderr } = await ordinal(...args);
    assert.equal(code, 2);
    expect(stderr).toContain(said);
  });
}

for (const [args, said] of [
  [['verify'], 'InvalidRequest: give one run ID, or --all'],
  [['sequences', 'raise', 'orders', '--to', 'many'], 'InvalidRequest: --to many is not an ID'],
  [['sequences', 'raise', 'nobody', '--to', '5'], 'UnknownSequence: no pipeline draws on sequence "nobody"'],
  [['sequences', 'show', 'nobody', '--host', 'http://127.0.0.1:9'], 'StorageFailed: no host answers'],
  [['--host', 'http://127.0.0.1:9', 'sequences', 'show', 'nobody'], 'StorageFailed: no host answers'],
] as const) {
  test(`${args.join(' ')}: exit code 1, and why`, async () => {
    const { code, stderr } = await ordinal(...args);
    expect(stderr).toContain(said);
    assert.equal(code, 1);
  });
}
