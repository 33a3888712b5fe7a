/**
 * `npm start`: Azurite and the local host on one state folder, until Ctrl-C.
 *
 *   node local/start.ts [--dir .ordinal] [--port 7071] [--blob-port 10000] [--queue-port 10001] [--table-port 10002] …
 *
 * Other options go to the host (`node local/main.ts --help`). Ports of Azurite that are not given are those that
 * `UseDevelopmentStorage=true` means, so that other tools find it; 0 takes any free one.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type RunningAzurite, startAzurite } from './azurite.ts';
import { type Child, startChild } from './child.ts';

const { values, tokens } = parseArgs({
  options: {
    dir: { type: 'string', default: '.ordinal' },
    'blob-port': { type: 'string', default: '10000' },
    'queue-port': { type: 'string', default: '10001' },
    'table-port': { type: 'string', default: '10002' },
  },
  strict: false,
  tokens: true,
});

async function main(): Promise<number> {
  const dir = resolve(String(values.dir));
  mkdirSync(dir, { recursive: true });
  const azurite = await startAzurite({
    dir: join(dir, 'azurite'),
    ports: {
      blob: Number(values['blob-port']),
      queue: Number(values['queue-port']),
      table: Number(values['table-port']),
    },
  });
  process.stdout.write(`Azurite: ${azurite.blobUrl} (data in ${join(dir, 'azurite')})\n`);
  const host = startHostChild(dir, azurite);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => host.process.kill(signal));
  }
  const code = await host.ended;
  await azurite.stop();
  return typeof code === 'number' ? code : 1;
}

function startHostChild(dir: string, azurite: RunningAzurite): Child {
  return startChild({
    module: fileURLToPath(new URL('./main.ts', import.meta.url)),
    args: ['--state', join(dir, 'host.sqlite'), ...hostArguments()],
    env: {
      AzureWebJobsStorage: process.env.AzureWebJobsStorage ?? azurite.connectionString,
      ...(process.stdout.isTTY === true && process.env.NO_COLOR === undefined && { FORCE_COLOR: '1' }),
    },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    onLine: (line, stream) => process[stream].write(`${line}\n`),
  });
}

/** The arguments that are not this script's. */
function hostArguments(): string[] {
  const own = ['dir', 'blob-port', 'queue-port', 'table-port'];
  const args: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'option' && !own.includes(token.name)) {
      args.push(token.rawName, ...(token.value === undefined ? [] : [token.value]));
    } else if (token.kind === 'positional') {
      const before = tokens[index - 1];
      if (before?.kind === 'option' && !own.includes(before.name)) args.push(token.value);
    }
  }
  return args;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
