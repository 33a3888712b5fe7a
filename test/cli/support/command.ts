/**
 * The real command as a process of its own: with pipes, and on a terminal of a given width. And many commands in one
 * thread, where what is asked is what they say, and not how they start and end.
 */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { allCommands } from '../../../cli/commands/index.ts';
import type { CommandLine } from './command-worker.ts';

const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

interface Options {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Sends one SIGINT as soon as standard error has this. */
  interruptOn?: string;
}

/** Nothing of this machine's own settings. */
const cleanEnv = {
  ORDINAL_STORAGE: '',
  ORDINAL_HOST: undefined,
  NO_COLOR: undefined,
  FORCE_COLOR: undefined,
  CI: undefined,
};

/** Runs the command with pipes. */
export function ordinal(args: readonly string[], { env = {}, cwd, interruptOn }: Options = {}): Promise<Said> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...cleanEnv, ...env }, ...(cwd && { cwd }), maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(process.execPath, [main, ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    if (interruptOn === undefined) return;
    let said = '';
    let interrupted = false;
    child.stderr?.on('data', (chunk: string) => {
      said += chunk;
      // Once: by the third, the system ends a process that has no handler left.
      if (!interrupted && said.includes(interruptOn)) interrupted = child.kill('SIGINT');
    });
  });
}

const names = (await allCommands()).map((each) => each.name);

/** Runs many commands: the first of each name as a process, and the others in one thread, one after the other. */
export class Commands {
  readonly #seen = new Set<string>();
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** As `ordinal`. */
  run(args: readonly string[], { env = {} }: Pick<Options, 'env'> = {}): Promise<Said> {
    const name = names.find((each) => `${args.join(' ')} `.startsWith(`${each} `)) ?? '';
    if (!this.#seen.has(name)) {
      this.#seen.add(name);
      return ordinal(args, { env });
    }
    const said = this.#last.then(() => this.#ask(args, env));
    this.#last = said.catch(() => undefined);
    return said;
  }

  async #ask(args: readonly string[], env: Options['env']): Promise<Said> {
    this.#worker ??= new Worker(new URL('./command-worker.ts', import.meta.url));
    const all = { ...process.env, ...cleanEnv, ...env };
    const set = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined);
    const line: CommandLine = { args, env: Object.fromEntries(set) };
    this.#worker.postMessage(line);
    const [said] = (await once(this.#worker, 'message')) as [Said];
    return said;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }
}

/** Whether a terminal can be had here: by `script` of util-linux. */
export const hasTerminal = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');

/** Runs the command on a terminal of so many columns. All that is written comes together. */
export function onTerminal(
  args: readonly string[],
  columns: number,
  { env = {}, answer = '' }: { env?: Record<string, string | undefined>; answer?: string } = {},
): Promise<{ code: number; text: string; lines: string[] }> {
  const quoted = [process.execPath, main, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(' ');
  const command = `stty cols ${columns} rows 40 -echo; exec ${quoted}`;
  const options = { env: { ...process.env, ...cleanEnv, TERM: 'xterm-256color', ...env }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    const child = execFile('script', ['-qec', command, '/dev/null'], options, (_, stdout) => {
      const text = stdout.replaceAll('\r\n', '\n');
      resolve({ code: child.exitCode ?? -1, text, lines: text.trimEnd().split('\n') });
    });
    child.stdin?.end(answer);
  });
}
