/**
 * The version of Ordinal, and of packages that it works with, from their `package.json`. The command and the doctor call
 * it. It must work from the sources, from `dist/`, from an installed package and from a bundle.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Versions of what was bundled with the app, by package, and Ordinal's own. `infra/hooks/stage.mjs` puts them in. */
declare const ORDINAL_BUNDLED: Readonly<Record<string, string | undefined>> | undefined;
const bundled = typeof ORDINAL_BUNDLED === 'undefined' ? undefined : ORDINAL_BUNDLED;

const here = path.dirname(fileURLToPath(import.meta.url));

function versionIn(folder: string, name?: string): string | undefined {
  try {
    const read = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    return (name === undefined || read.name === name) && typeof read.version === 'string' ? read.version : undefined;
  } catch {
    return undefined;
  }
}

/** The nearest version above a folder. */
function versionAbove(from: string, name?: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const version = versionIn(folder, name);
    if (version !== undefined || folder === path.dirname(folder)) return version;
  }
}

/** Ordinal's own version; `unknown` where it was laid out without its `package.json`. */
export function ownVersion(): string {
  return bundled?.ordinal ?? versionAbove(here) ?? 'unknown';
}

/**
 * The version of an installed package.
 * @param name name of the package
 * @returns undefined when it is not installed
 */
export function packageVersion(name: string): string | undefined {
  if (bundled?.[name] !== undefined) return bundled[name];
  try {
    return versionAbove(path.dirname(createRequire(import.meta.url).resolve(name)), name);
  } catch {
    return undefined;
  }
}
