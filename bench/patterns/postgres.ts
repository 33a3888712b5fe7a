/**
 * A PostgreSQL of the bench's own: Debian's package, in a folder of its own, on loopback, until it is stopped. PostgreSQL
 * refuses to run as root; then it runs as the user that the package made.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface RunningPostgres {
  /** For clients. */
  url: string;
  version: string;
  stop(): Promise<void>;
}

const debianFolder = '/usr/lib/postgresql';
const startMsMax = 30_000;
/** Runs a program until standard input closes, then asks it for a fast shutdown and removes its folder. */
const untilClosed =
  'home="$1"; shift; "$@" & server=$!; cat > /dev/null; kill -INT $server; wait $server; rm -rf "$home"';

/** The folder of `initdb` and `postgres`: Debian's newest, else on the path. Undefined where it is not installed. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debianFolder, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))));
}

/** The user and group to run it as when we are root. @throws when there is none. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'));
  if (line === undefined) throw new Error('PostgreSQL does not run as root, and there is no user "postgres"');
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** @throws when it does not come up. */
export async function startPostgres(folder: string): Promise<RunningPostgres> {
  const user = ordinaryUser();
  const home = mkdtempSync(join(tmpdir(), 'patterns-postgres-'));
  if (user) chownSync(home, user.uid, user.gid);
  const output: string[] = [];
  const run = (program: string, args: string[]): ChildProcess => {
    const child = spawn(program, args, { cwd: home, ...user, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => output.push(String(data)));
    return child;
  };
  const data = join(home, 'data');
  const [code] = await once(
    run(join(folder, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8']),
    'exit',
  );
  if (code !== 0) throw new Error(`initdb failed:\n${output.join('')}`);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-k', home, '-c', 'listen_addresses=127.0.0.1'];
  // The shell is its life line: when our end of the pipe closes, and be it because we were killed, it stops the server.
  const server = run('sh', ['-c', untilClosed, 'sh', home, join(folder, 'postgres'), ...args]);
  const ended = once(server, 'exit');
  const stop = async () => {
    server.stdin?.end();
    await ended;
  };
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + startMsMax;
  for (;;) {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>('show server_version');
      await client.end();
      return { url, version: rows[0]!.server_version, stop };
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        await stop();
        throw new Error(`PostgreSQL did not start: ${String(error)}\n${output.slice(-5).join('')}`);
      }
      await delay(100);
    }
  }
}
