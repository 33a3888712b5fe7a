/**
 * Refuses versions of the peer dependencies that Ordinal does not know, before anything of it uses them. `index.ts` and
 * `app.ts` import it first, for its effect. It must import nothing that needs one of them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { OrdinalError } from './errors.ts';

/** The least version of each that is taken, of the one major version that is. The package's manifest says the same. */
export const peers: Readonly<Record<string, string>> = {
  '@azure/functions': '4.14.0',
  'durable-functions': '3.5.0',
  zod: '4.6.0',
};

/** The least Node: from there on `node:zlib` has ZSTD. */
export const nodeLeast = '22.15.0';

/** The version of an installed package; undefined when it is not found as a package of its own, as in a bundle. */
function installedVersion(name: string, from: string): string | undefined {
  let folder: string;
  try {
    folder = path.dirname(createRequire(from).resolve(name));
  } catch {
    return undefined;
  }
  for (; ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file)) {
      const found = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (found.name === name) return found.version;
    }
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Below zero, zero or above it, as the first version is below, equal to or above the second. */
function compare(a: string, b: string): number {
  const [these, those] = [a, b].map((version) => version.split(/[.-]/).map(Number)) as [number[], number[]];
  return [0, 1, 2].map((i) => (these[i] ?? 0) - (those[i] ?? 0)).find((distance) => distance !== 0) ?? 0;
}

/** Whether a version has the major version of the least one and is not below it. */
function isTaken(version: string, least: string): boolean {
  return version.split('.')[0] === least.split('.')[0] && !version.includes('-') && compare(version, least) >= 0;
}

function refuse(message: string, remedy: string): never {
  const error = new OrdinalError('InvalidSettings', message, { remedy });
  // Whoever loads the app prints the stack. Where it was noticed helps nobody.
  error.stack = [`${error.code}: ${error.message}`, remedy].join('\n');
  throw error;
}

/**
 * Checks the versions of Node and of all peers.
 * @param from path or URL of the module whose imports are meant
 * @param node version of the Node that runs
 * @throws OrdinalError `InvalidSettings` that names the package, its version and what to install
 */
export function checkPeers(from: string, node: string = process.versions.node): void {
  if (compare(node, nodeLeast) < 0)
    refuse(`Node ${node} runs this, and Ordinal needs ${nodeLeast} or later`, 'Use Node 24, or the newest 22.');
  for (const [name, least] of Object.entries(peers)) {
    const version = installedVersion(name, from);
    if (version === undefined || isTaken(version, least)) continue;
    refuse(
      `${name} ${version} is installed, and Ordinal needs ^${least}`,
      `Run npm install ${name}@^${least}, then npm ls ${name} to see that there is one version only.`,
    );
  }
}

checkPeers(import.meta.url);
