/**
 * What is measured is what is deployed: bundles of JavaScript, of which a fresh process loads a few files, and not hundreds
 * that are compiled from TypeScript. `service.ts` starts the app so, and `contestant-handle.ts` the contestants' processes.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';

/** Engines with code of their own platform, and what the Functions worker brings. */
const packages = /^(@duckdb\/|nodejs-polars|@dsnp\/|@azure\/functions)/;

let contestants: Promise<string> | undefined;
let app: Promise<string> | undefined;

/** Path of the module of a contestant's process, built once. */
export function contestantModule(): Promise<string> {
  contestants ??= bundleContestants();
  return contestants;
}

/** Folder of the app as `npm run package` makes it, made once. */
export function deployedApp(): Promise<string> {
  app ??= stage();
  return app;
}

/** Folder of the app of the set `daily`, laid out in the same way. */
export async function dailyApp(): Promise<string> {
  const source = (name: string) => fileURLToPath(new URL(`./daily-app/${name}`, import.meta.url));
  const folder = ownFolder('daily');
  const bundle = await rolldown({
    input: {
      'functions/app': source('functions/app.ts'),
      'functions/activity-thread': source('../../src/run/activity-thread.ts'),
      'pipelines/index': source('pipelines/index.ts'),
    },
    platform: 'node',
    external: packages,
    transform: { define: { ORDINAL_BUNDLED: JSON.stringify({ ordinal: 'benchmark' }) } },
    logLevel: 'warn',
  });
  await bundle.write({ dir: folder, format: 'esm', chunkFileNames: 'functions/[name]-[hash].js' });
  await bundle.close();
  fs.copyFileSync(source('package.json'), path.join(folder, 'package.json'));
  fs.copyFileSync(source('../../host.json'), path.join(folder, 'host.json'));
  return folder;
}

async function stage(): Promise<string> {
  const folder = ownFolder('app');
  const script = fileURLToPath(new URL('../infra/hooks/stage.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [script, folder]);
  return folder;
}

/** A folder below this one, where packages are found. It goes with this process. */
function ownFolder(name: string): string {
  const folder = fileURLToPath(new URL(`./.ordinal/${name}-${process.pid}`, import.meta.url));
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function bundleContestants(): Promise<string> {
  const file = (name: string) => fileURLToPath(new URL(`./contestants/${name}.ts`, import.meta.url));
  const bundle = await rolldown({
    input: { process: file('process'), 'ordinal-worker': file('ordinal-worker') },
    platform: 'node',
    external: packages,
    logLevel: 'warn',
  });
  const dir = ownFolder('contestants');
  await bundle.write({ dir, format: 'esm', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
  return path.join(dir, 'process.js');
}
