/**
 * Imports `src/sequence` with a bug planted in it: one snippet of one file is replaced on its way into the loader. The
 * snippet must occur exactly once, so a planted bug cannot quietly stop being one when the code moves on.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

export interface PlantedBug {
  /** What is wrong with it. */
  name: string;
  file: string;
  find: string;
  replace: string;
}

const sources = new URL('../../src/sequence/', import.meta.url);
const bugs: PlantedBug[] = [];

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const planted = context.parentURL?.match(/\?planted=\d+$/)?.[0];
    return planted && resolved.url.startsWith(sources.href) && !resolved.url.includes('?')
      ? { ...resolved, url: resolved.url + planted }
      : resolved;
  },
  load(url, context, nextLoad) {
    const bug = bugs[Number(url.match(/\?planted=(\d+)$/)?.[1] ?? -1)];
    if (!bug || new URL(bug.file, sources).href !== url.split('?')[0]) return nextLoad(url, context);
    const source = readFileSync(new URL(bug.file, sources), 'utf8');
    assert.equal(source.split(bug.find).length, 2, `${bug.file} holds the snippet of "${bug.name}" once`);
    return { format: 'module-typescript', source: source.replace(bug.find, () => bug.replace), shortCircuit: true };
  },
});

/** Module `entry` of `src/sequence` as it would be with the bug, which may be in any module that it imports. */
export async function importWithBug<M>(entry: string, bug: PlantedBug): Promise<M> {
  const planted = bugs.push(bug) - 1;
  return (await import(new URL(`${entry}?planted=${planted}`, sources).href)) as M;
}
