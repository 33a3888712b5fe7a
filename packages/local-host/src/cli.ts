/**
 * Parses the options of the local host's command line and holds its help text. `main.ts` calls it. Past this file an
 * option is trusted, so a value out of its range must be refused here.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface CliOptions {
  /** 0 for any free port. */
  port: number;
  scriptRoot: string;
  /** SQLite file, or `:memory:` for a state that ends with the process. */
  state: string;
  /** Worker processes for activities. */
  workers: number;
  jsonLogs: boolean;
  readyFile: string | undefined;
  enableAuth: boolean;
  /** Milliseconds between two looks for new blobs. */
  blobPollMs: number;
  chaosSeed: number | undefined;
  /** Bytes that an input, a result or an output may have. */
  payloadBytesMax: number | undefined;
  verbose: boolean;
  /** Whether all functions are listed, whatever the app says. */
  functions: boolean;
  help: boolean;
}

export class UsageError extends Error {}

export const usage = `Usage: local-host [options]       Azurite and the host, on one folder
       local-host host [options]  the host alone, with the storage of AzureWebJobsStorage
       local-host func [options]  Azurite and Core Tools; options are those of func start

Runs a Functions app (HTTP, timer and blob triggers, Durable Functions) without Core Tools.

With Azurite:
  --dir DIR         folder of all data and state (.local-host)
  --blob-port N     port of the blob service; 0 for any free one (10000)
  --queue-port N    port of the queue service (10001)
  --table-port N    port of the table service (10002)

The host:
  --port N          port of the HTTP server on 127.0.0.1; 0 for any free one (7071)
  --script-root DIR the app: package.json, host.json, local.settings.json (.)
  --state FILE      SQLite file of the durable state, or :memory: (.local-host/host.sqlite)
  --workers N       worker processes for activities (one per core); one more serves everything else
  --enable-auth     ask for function keys, as Azure does
  --blob-poll MS    milliseconds between two looks for new blobs (1000)
  --chaos SEED      deliver twice, delay, reorder and kill workers, as SEED says
  --payload-max N   fail what passes an input, a result or an output of more bytes
  --json-logs       one JSON object per line on standard output
  --ready-file FILE write {"url","pid"} to FILE once the host is ready
  --verbose         log debug messages as well
  --functions       list all functions at the start, also where package.json says what to do next
  --help            print this`;

/** @throws UsageError */
export function parseCli(args: readonly string[]): CliOptions {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        'script-root': { type: 'string' },
        state: { type: 'string' },
        workers: { type: 'string' },
        'ready-file': { type: 'string' },
        chaos: { type: 'string' },
        'payload-max': { type: 'string' },
        'blob-poll': { type: 'string' },
        'enable-auth': { type: 'boolean' },
        'json-logs': { type: 'boolean' },
        verbose: { type: 'boolean' },
        functions: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const scriptRoot = resolve(String(values['script-root'] ?? '.'));
  return {
    port: whole(values.port, '--port', 7071, 0, 65_535),
    scriptRoot,
    state: String(values.state ?? resolve(scriptRoot, '.local-host/host.sqlite')),
    workers: whole(values.workers, '--workers', availableParallelism(), 1, 256),
    jsonLogs: values['json-logs'] === true,
    readyFile: values['ready-file'] === undefined ? undefined : String(values['ready-file']),
    enableAuth: values['enable-auth'] === true,
    blobPollMs: whole(values['blob-poll'], '--blob-poll', 1_000, 10, 3_600_000),
    chaosSeed: values.chaos === undefined ? undefined : whole(values.chaos, '--chaos', 0, 0, 2 ** 31 - 1),
    payloadBytesMax:
      values['payload-max'] === undefined
        ? undefined
        : whole(values['payload-max'], '--payload-max', 0, 1, 2 ** 31 - 1),
    verbose: values.verbose === true,
    functions: values.functions === true,
    help: values.help === true,
  };
}

function whole(value: unknown, name: string, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max || value === '') {
    throw new UsageError(`${name} must be a whole number from ${min} to ${max}.`);
  }
  return number;
}
