/**
 * The version of the package that the command is a part of; in the repository, that of the repository. The command shows it,
 * and a new app asks for it. It needs Node alone.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Of the nearest package.json above this file, which lies deeper in a package than in the repository. */
export function ownVersion(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    if (folder === path.dirname(folder)) throw new Error(`there is no package.json above ${import.meta.dirname}`);
  }
}
