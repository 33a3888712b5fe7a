/**
 * `local-host`: runs Azurite and the host on one state folder, until Ctrl-C. `bin.ts` imports it. It must not end while
 * either of them still saves.
 *
 *     local-host [--dir .local-host] [--port 7071] [--blob-port 10000] [--queue-port 10001] [--table-port 10002] …
 *
 * Other options go to the host (`local-host host --help`).
 */
import { join } from 'node:path';
import { type Child, moduleBeside, startChild } from './child.ts';
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
    module: moduleBeside(import.meta.url, './main'),
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
