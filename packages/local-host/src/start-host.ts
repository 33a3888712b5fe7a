/**
 * Starts the local host as a child process and waits until it is ready. Tests and benchmarks call it. The host must not
 * outlive the process that started it.
 */
import { moduleBeside, startChild } from './child.ts';

export interface StartHostOptions {
  /** The app's folder. @default the current one */
  scriptRoot?: string;
  /** @default 0, any free port */
  port?: number;
  /** SQLite file, or `:memory:`. @default `:memory:` */
  state?: string;
  /** Worker processes for activities. @default one per core */
  workers?: number;
  /** More of the environment, as in `{ AzureWebJobsStorage }`; wins over the app's local settings. */
  env?: Record<string, string | undefined>;
  /** More arguments for `main.ts`. */
  args?: string[];
  /** Called for each line of the host's output. @default nothing */
  onLine?: (line: string) => void;
}

export interface StartedHost {
  url: string;
  pid: number;
  /** Resolves with the exit code or the signal's name. */
  ended: Promise<number | string>;
  /** Waits until running work has ended, then stops. */
  stop(): Promise<void>;
  /** Ends it at once, as a power failure would. Its workers end by themselves. */
  kill(): Promise<void>;
}

/**
 * Runs the local host as a child process. Resolves when it is ready. @throws an Error with the host's output when it
 * fails.
 */
export async function startHost(options: StartHostOptions = {}): Promise<StartedHost> {
  const args = ['--port', String(options.port ?? 0), '--state', options.state ?? ':memory:', '--json-logs'];
  if (options.scriptRoot !== undefined) args.push('--script-root', options.scriptRoot);
  if (options.workers !== undefined) args.push('--workers', String(options.workers));
  args.push(...(options.args ?? []));
  const output: string[] = [];
  return await new Promise((resolve, reject) => {
    let ready = false;
    const child = startChild({
      module: moduleBeside(import.meta.url, './main'),
      args,
      env: options.env,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      onLine: (line) => {
        options.onLine?.(line);
        if (ready) return;
        output.push(line);
        const url = readyUrl(line);
        if (url === undefined) return;
        ready = true;
        resolve({
          url,
          pid: child.pid,
          ended: child.ended,
          stop: () => child.stop('SIGTERM', 30_000),
          kill: () => child.stop('SIGKILL'),
        });
      },
    });
    void child.ended.then((code) => {
      if (!ready) reject(new Error(`The local host ended (${code}) before it was ready:\n${output.join('\n')}`));
    });
  });
}

function readyUrl(line: string): string | undefined {
  if (!line.startsWith('{"event":"ready"')) return undefined;
  return (JSON.parse(line) as { url: string }).url;
}
