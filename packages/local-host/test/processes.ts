/** Processes as tests see them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../src/child.ts';

/** True while a process of this ID lives. One that has ended and waits to be reaped by its parent does not. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export async function gone(pids: readonly number[]): Promise<void> {
  for (const end = Date.now() + 30_000; pids.some(lives); ) {
    if (Date.now() > end) throw new Error(`still alive: ${pids.filter(lives).join()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Process IDs of the workers of the host at `url`. */
export async function workersOf(url: string): Promise<number[]> {
  const status = (await (await fetch(`${url}/admin/host/status`)).json()) as { workers: number[] };
  return status.workers;
}

/** `npm start`: Azurite and the host on one folder. */
export interface Started {
  url: string;
  /** What other tools reach Azurite by. */
  blobUrl: string;
  /** Of the process that started both, which leads a process group. */
  pid: number;
  hostPid: number;
  /** Resolves when that process has ended. */
  ended: Promise<number | string>;
  /** As Ctrl-C does it. */
  stop(): Promise<void>;
}

const start = join(import.meta.dirname, '../src/start.ts');

/** Runs `local-host` on `dir` for the built app of this repository, on any free ports. */
export async function startAll(dir: string): Promise<Started> {
  const lines: string[] = [];
  const ports = ['--port', '0', '--blob-port', '0', '--queue-port', '0', '--table-port', '0'];
  return await new Promise((resolve, reject) => {
    const child = startChild({
      module: start,
      args: ['--dir', dir, ...ports, '--json-logs', '--workers', '2'],
      execArgv: ['--disable-warning=ExperimentalWarning'],
      onLine: (line) => {
        lines.push(line);
        if (!line.startsWith('{"event":"ready"')) return;
        const { url, pid: hostPid } = JSON.parse(line) as { url: string; pid: number };
        const [, blobUrl = ''] = /^Azurite: (http\S+)/m.exec(lines.join('\n')) ?? [];
        const { pid, ended } = child;
        resolve({ url, blobUrl, pid, hostPid, ended, stop: () => child.stop('SIGTERM', 30_000) });
      },
    });
    void child.ended.then((code) => reject(new Error(`npm start ended (${code}):\n${lines.slice(-20).join('\n')}`)));
  });
}
