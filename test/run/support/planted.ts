/**
 * Imports a test module with a bug planted in `src/`: one snippet of one file is replaced on its way into the loader, and
 * everything that the module imports is loaded anew. The snippet must occur exactly once, so a planted bug cannot quietly
 * stop being one when the code moves on.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

export interface PlantedBug {
  /** What is wrong with it. */
  name: string;
  /** Path from the root. */
  file: string;
  find: string;
  replace: string;
}

const root = new URL('../../../', import.meta.url);
const ours = ['src/', 'functions/', 'test/'].map((folder) => new URL(folder, root).href);
const bugs: PlantedBug[] = [];

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const planted = context.parentURL?.match(/\?planted=\d+$/)?.[0];
    return planted && ours.some((folder) => resolved.url.startsWith(folder)) && !resolved.url.includes('?')
      ? { ...resolved, url: resolved.url + planted }
      : resolved;
  },
  load(url, context, nextLoad) {
    const bug = bugs[Number(url.match(/\?planted=(\d+)$/)?.[1] ?? -1)];
    if (!bug || new URL(bug.file, root).href !== url.split('?')[0]) return nextLoad(url, context);
    const source = readFileSync(new URL(bug.file, root), 'utf8');
    assert.equal(source.split(bug.find).length, 2, `${bug.file} holds the snippet of "${bug.name}" once`);
    return { format: 'module-typescript', source: source.replace(bug.find, () => bug.replace), shortCircuit: true };
  },
});

/** The module at a path from the root as it would be with the bug. */
export async function importWithBug<M>(module: string, bug: PlantedBug): Promise<M> {
  const planted = bugs.push(bug) - 1;
  return (await import(new URL(`${module}?planted=${planted}`, root).href)) as M;
}
