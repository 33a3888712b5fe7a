/** The real command as a process of its own: with pipes, and on a terminal of a given width. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

interface Options {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Sends SIGINT once standard error has this. */
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
    child.stderr?.on('data', (chunk: string) => {
      said += chunk;
      if (said.includes(interruptOn)) child.kill('SIGINT');
    });
  });
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
