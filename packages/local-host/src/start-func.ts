/**
 * `local-host func`: runs the same app on Azure's own host. Core Tools (`func`) must be installed. It starts Azurite
 * on the same folder as `local-host` does, and uses the same settings: `func` reads local.settings.json, which is made
 * from the sample when it does not exist, and the environment wins. Options that are not for Azurite go to `func`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { parseStartOptions, startStorage } from './start-options.ts';

const shell = process.platform === 'win32';

async function main(): Promise<number> {
  const found = spawnSync('func', ['--version'], { encoding: 'utf8', shell });
  if (found.error !== undefined || found.status !== 0) {
    process.stderr.write(
      "Azure Functions Core Tools are not installed: there is no 'func' on the path. " +
        'Install version 4 (https://aka.ms/azfunc-install), or use npm start (local-host), which needs nothing.\n',
    );
    return 1;
  }
  if (!existsSync('local.settings.json')) copyFileSync('local.settings.sample.json', 'local.settings.json');
  const options = parseStartOptions(process.argv.slice(2));
  const { azurite, setting } = await startStorage(options);
  process.stdout.write(`Core Tools ${found.stdout.trim()}\n`);
  const func = spawn('func', ['start', ...options.rest], {
    stdio: 'inherit',
    shell,
    env: { ...process.env, AzureWebJobsStorage: setting },
  });
  // Ctrl-C reaches func directly. Azurite must stay until func has ended.
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
