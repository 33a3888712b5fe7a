/**
 * Checks that the lock files name the optional packages of every platform, and completes it with `--fix`. `npm run
 * lock` runs it, and so does `npm run check`. It must never choose another version.
 *
 * A lock file that was written on one platform can lack the native packages of others: npm leaves out those that its
 * registry could not give at that moment. `npm ci` then refuses the lock file everywhere. What is missing follows from
 * the names: version from the dependent package, platform from the suffix. Integrity is left to the next install.
 *
 *   node tools/lock.ts [--fix]
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  engines?: { node?: string };
  optionalDependencies?: Record<string, string>;
}

export interface Lock {
  packages: Record<string, LockedPackage>;
}

const platformSuffix = /-(android|darwin|freebsd|linux|openbsd|sunos|win32)-(arm64|arm|ia32|x64)(?:-(gnu|musl|msvc))?$/;

/** Entries that a complete lock file would have besides its own, by path. */
export function missingEntries(lock: Lock): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {};
  for (const [at, dependent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(dependent.optionalDependencies ?? {})) {
      const platform = platformSuffix.exec(name);
      const nested = `${at}/node_modules/${name}`;
      const top = `node_modules/${name}`;
      if (platform === null || !/^\d/.test(version) || lock.packages[nested] || lock.packages[top]) continue;
      const libc = { gnu: 'glibc', musl: 'musl' }[platform[3] ?? ''];
      missing[top] = {
        version,
        cpu: [platform[2]!],
        ...(dependent.dev && { dev: true }),
        ...(platform[1] === 'linux' && libc !== undefined && { libc: [libc] }),
        optional: true,
        os: [platform[1]!],
      };
    }
  }
  return missing;
}

/** The lock file with the missing entries in their places. */
export function complete(lock: Lock): Lock {
  const entries = Object.entries({ ...lock.packages, ...missingEntries(lock) });
  return { ...lock, packages: Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, 'en'))) };
}

/** That of the repository, and those of the packages that `npm run peers` installs. */
export const lockFiles = [
  '../package-lock.json',
  '../bench/package-lock.json',
  'api/package-lock.json',
  'mutants/package-lock.json',
].map((each) => fileURLToPath(new URL(each, import.meta.url)));

async function check(file: string): Promise<void> {
  const name = path.relative(fileURLToPath(new URL('..', import.meta.url)), file);
  const lock = JSON.parse(await readFile(file, 'utf8')) as Lock;
  const missing = Object.keys(missingEntries(lock));
  if (missing.length > 0 && process.argv.includes('--fix')) {
    await writeFile(file, `${JSON.stringify(complete(lock), null, 2)}\n`);
    console.log(`${name}: added ${missing.length} packages of other platforms`);
  } else if (missing.length > 0) {
    console.error(`${name} lacks ${missing.join(', ')}; run: npm run lock -- --fix`);
    process.exitCode = 1;
  } else {
    console.log(`${name}: complete`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const file of lockFiles) await check(file);
}
