/**
 * The version of Ordinal that runs: that of the package which this file is part of. The HTTP API shows it. It is read
 * once, when the file is loaded.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** The nearest package.json above: sources and the build lie at different depths. */
function packageFile(): URL | undefined {
  for (let up = '../', tries = 0; tries < 6; up += '../', tries++) {
    const file = new URL(`${up}package.json`, import.meta.url);
    if (existsSync(file)) return file;
  }
  return undefined;
}

function readVersion(): string {
  const file = packageFile();
  return file ? z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version : 'unknown';
}

export const appVersion: string = readVersion();
