/**
 * `npm run start:func`: the same app on Azure's own host. Core Tools (`func`) must be installed; Azurite is started as
 * `npm start` does, and the settings are the same: `func` reads local.settings.json, which is made from the sample when
 * it is not there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startAzurite } from './azurite.ts';

async function main(): Promise<number> {
  const found = spawnSync('func', ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' });
  if (found.error !== undefined || found.status !== 0) {
    process.stderr.write(
      "Azure Functions Core Tools are not installed: there is no 'func' on the path. " +
        'Install version 4 (https://aka.ms/azfunc-install), or use npm start, which needs nothing.\n',
    );
    return 1;
  }
  if (!existsSync('local.settings.json')) copyFileSync('local.settings.sample.json', 'local.settings.json');
  const ports = { blob: 10_000, queue: 10_001, table: 10_002 };
  const azurite = await startAzurite({ dir: join(resolve('.ordinal'), 'azurite'), ports });
  process.stdout.write(`Azurite: ${azurite.blobUrl}; Core Tools ${found.stdout.trim()}\n`);
  const func = spawn('func', ['start', ...process.argv.slice(2)], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, AzureWebJobsStorage: process.env.AzureWebJobsStorage ?? azurite.connectionString },
  });
  // Ctrl-C reaches func by itself; Azurite has to stay until func has ended.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => func.kill('SIGTERM'));
  const code = await new Promise<number>((resolve) => func.once('exit', (exitCode) => resolve(exitCode ?? 1)));
  await azurite.stop();
  return code;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
