/** However a session ends, nothing that it started is left behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/session-program.ts', import.meta.url));

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Started {
  folder: string;
  plain: number;
  pids: number[];
}

/** Runs the program; `meddle` is called once its processes run. Returns its last line, its exit, and what it started. */
async function play(
  mode: string,
  meddle: (program: ChildProcess, started: Started) => void = () => {},
): Promise<{ started: Started; end: { error: string; watched: string[] } | undefined; code: number | null }> {
  const child = spawn(process.execPath, [program, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    if (lines.length === 1) meddle(child, JSON.parse(line) as Started);
  }
  const code = await exited;
  return {
    started: JSON.parse(lines[0]!) as Started,
    end: lines[1] === undefined ? undefined : (JSON.parse(lines[1]) as { error: string; watched: string[] }),
    code,
  };
}

/** A killed process may take a moment to be gone; one that was not killed stays for ever. */
async function assertNothingLeft(started: Started): Promise<void> {
  for (let tries = 0; tries < 100 && started.pids.some(exists); tries++) await delay(50);
  assert.deepEqual(started.pids.filter(exists), []);
}

describe('a session', {
  concurrent: true,
  skip: !existsSync('/proc/self/stat'),
}, () => {
  it('stops everything when its work is done', async () => {
    const { started, end } = await play('completes');
    await assertNothingLeft(started);
    assert.equal(end?.error, '');
    assert.deepEqual(end?.watched, ['demo', 'plain', 'stubborn', 'stubborn (child)']);
    assert.equal(existsSync(started.folder), false);
  });

  for (const [mode, error] of [
    ['work-fails', 'the work failed'],
    ['start-fails', 'the start failed'],
  ] as const) {
    it(`stops everything when ${error}`, async () => {
      const { started, end } = await play(mode);
      await assertNothingLeft(started);
      assert.equal(end?.error, error);
      assert.equal(existsSync(started.folder), false);
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`stops everything on ${signal}`, async () => {
      const { started, end } = await play('waits', (child) => void child.kill(signal));
      await assertNothingLeft(started);
      assert.equal(end?.error, `interrupted by ${signal}`);
      assert.equal(existsSync(started.folder), false);
    });
  }

  it('ends when a process that it needs ends', async () => {
    const { started, end } = await play('waits', (_child, { plain }) => void process.kill(plain, 'SIGKILL'));
    await assertNothingLeft(started);
    assert.equal(end?.error, 'plain has ended');
  });

  it('leaves no process even when it crashes', async () => {
    const { started, end, code } = await play('crashes');
    await assertNothingLeft(started);
    assert.equal(end, undefined);
    assert.notEqual(code, 0);
    assert.equal(existsSync(started.folder), false);
  });
});
