/**
 * Says whether the packages of `bench/` are installed: the Parquet engines of others, and clients of other stores. They are
 * large, and neither the demo nor most tests need them; `npm run peers` installs them. Tests of peers ask here and are
 * skipped, by name, where there are none; CI has them. It must not load any of them.
 *
 *   node tools/peers.ts          ends with 1, saying what to do, where they are not installed
 *   node tools/peers.ts types    checks the types of bench/ where they are
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const bench = fileURLToPath(new URL('../bench', import.meta.url));

/** Whether `npm run peers` has been run. */
export const peersInstalled = existsSync(`${bench}/node_modules/nodejs-polars`);

/** Whether the packages of `tools/api` are installed, which it installs too: what checks documents and packages. */
export const checksInstalled = existsSync(fileURLToPath(new URL('api/node_modules/typescript', import.meta.url)));

const hint = 'The packages of bench/ are not installed. Run: npm run peers';

function main(command: string | undefined): number {
  if (command === undefined) {
    if (!peersInstalled) console.error(hint);
    return peersInstalled ? 0 : 1;
  }
  if (!peersInstalled) {
    console.log(`bench/ is left out of the check of types. ${hint}`);
    return 0;
  }
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const { status } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', bench], { stdio: 'inherit' });
  return status ?? 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv[2]);
}
