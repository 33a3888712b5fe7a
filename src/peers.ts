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
  zod: '4.4.0',
};

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

/** Whether a version has the major version of the least one and is not below it. */
function isTaken(version: string, least: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const [leastMajor = 0, leastMinor = 0, leastPatch = 0] = least.split('.').map(Number);
  if (major !== leastMajor || version.includes('-')) return false;
  return minor > leastMinor || (minor === leastMinor && patch >= leastPatch);
}

/**
 * Checks the versions of all peers.
 * @param from path or URL of the module whose imports are meant
 * @throws OrdinalError `InvalidSettings` that names the package, its version and what to install
 */
export function checkPeers(from: string): void {
  for (const [name, least] of Object.entries(peers)) {
    const version = installedVersion(name, from);
    if (version === undefined || isTaken(version, least)) continue;
    const error = new OrdinalError('InvalidSettings', `${name} ${version} is installed, and Ordinal needs ^${least}`, {
      remedy: `Run npm install ${name}@^${least}, then npm ls ${name} to see that there is one version only.`,
    });
    error.stack = [`${error.code}: ${error.message}`, error.remedy].join('\n');
    throw error;
  }
}

checkPeers(import.meta.url);
