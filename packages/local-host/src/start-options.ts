/**
 * The options of `local-host` and `local-host func`, and the start of Azurite for both. `start.ts` and
 * `start-func.ts` call it. Options that it does not know must go unchanged to the host.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type RunningAzurite, startAzurite } from './azurite.ts';

/** Options of `local-host` and `local-host func`. All other options go to the host that they start. */
export interface StartOptions {
  /** Folder of Azurite's data and of the local host's state. */
  dir: string;
  /** Ports of Azurite: those that `UseDevelopmentStorage=true` means, unless given; 0 takes any free one. */
  ports: { blob: number; queue: number; table: number };
  /** Arguments for the host. */
  rest: string[];
}

const own = {
  dir: { type: 'string', default: '.local-host' },
  'blob-port': { type: 'string', default: '10000' },
  'queue-port': { type: 'string', default: '10001' },
  'table-port': { type: 'string', default: '10002' },
} as const;

export function parseStartOptions(args: readonly string[]): StartOptions {
  const { values, tokens } = parseArgs({ args: [...args], options: own, strict: false, tokens: true });
  const rest: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'option' && !(token.name in own)) {
      rest.push(token.rawName, ...(token.value === undefined ? [] : [token.value]));
    } else if (token.kind === 'positional') {
      const before = tokens[index - 1];
      if (before?.kind !== 'option' || !(before.name in own)) rest.push(token.value);
    }
  }
  const port = (name: 'blob' | 'queue' | 'table') => Number(values[`${name}-port`]);
  return {
    dir: resolve(String(values.dir)),
    ports: { blob: port('blob'), queue: port('queue'), table: port('table') },
    rest,
  };
}

/** Starts Azurite on the folder of `options`. @returns it, and the setting by which an app finds it. */
export async function startStorage(options: StartOptions): Promise<{ azurite: RunningAzurite; setting: string }> {
  const dir = join(options.dir, 'azurite');
  mkdirSync(dir, { recursive: true });
  const onLine = (line: string) => {
    if (line.startsWith('Waiting for')) process.stdout.write(`${line}\n`);
  };
  const azurite = await startAzurite({ dir, ports: options.ports, onLine });
  process.stdout.write(`Azurite: ${azurite.blobUrl} (data in ${dir})\n`);
  return { azurite, setting: process.env.AzureWebJobsStorage ?? azurite.connectionString };
}
