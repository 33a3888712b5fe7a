/**
 * `npm start`: runs Azurite and the local host on one state folder, until Ctrl-C.
 *
 *     node local/start.ts [--dir .ordinal] [--port 7071] [--blob-port 10000] [--queue-port 10001] [--table-port 10002] …
 *
 * Other options go to the host (`node local/main.ts --help`).
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { parseStartOptions, type StartOptions, startStorage } from './start-options.ts';

async function main(): Promise<number> {
  const options = parseStartOptions(process.argv.slice(2));
  const { azurite, setting } = await startStorage(options);
  const host = startHostChild(options, setting);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => host.process.kill(signal));
  }
  const code = await host.ended;
  await azurite.stop();
  return typeof code === 'number' ? code : 1;
}

function startHostChild({ dir, rest }: StartOptions, storage: string): Child {
  return startChild({
    module: fileURLToPath(new URL('./main.ts', import.meta.url)),
    args: ['--state', join(dir, 'host.sqlite'), ...rest],
    env: {
      AzureWebJobsStorage: storage,
      ...(process.stdout.isTTY === true && process.env.NO_COLOR === undefined && { FORCE_COLOR: '1' }),
    },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    onLine: (line, stream) => process[stream].write(`${line}\n`),
  });
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
