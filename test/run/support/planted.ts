/**
 * Imports a test module with a bug planted in `src/`: one snippet of one file is replaced on its way into the loader. That
 * file and every module that comes to import it are loaded anew; all others are those that are loaded already. The snippet
 * must occur exactly once, so a planted bug cannot quietly stop being one when the code moves on.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { importsOf } from '../../../tools/dependence.ts';

export interface PlantedBug {
  /** What is wrong with it. */
  name: string;
  /** Path from the root. */
  file: string;
  find: string;
  replace: string;
}

const root = new URL('../../../', import.meta.url);
const planted: { bug: PlantedBug; anew: ReadonlySet<string> }[] = [];

/** What each module imports when it runs, by paths from the root. */
const graph = new Map<string, string[]>();

function importsAt(file: string): string[] {
  let found = graph.get(file);
  if (!found) {
    const all = importsOf(readFileSync(new URL(file, root), 'utf8'));
    const own = all.filter(({ specifier, typeOnly }) => !typeOnly && specifier.startsWith('.'));
    found = own.map(({ specifier }) => path.posix.join(path.posix.dirname(file), specifier));
    graph.set(file, found);
  }
  return found;
}

/** The modules of `entry` that import `file`, by whatever way. */
function importersOf(file: string, entry: string): Set<string> {
  const importers = new Map<string, string[]>();
  const all = new Set([entry]);
  for (const one of all) {
    for (const other of importsAt(one)) {
      all.add(other);
      importers.set(other, [...(importers.get(other) ?? []), one]);
    }
  }
  const found = new Set([file]);
  for (const one of found) for (const importer of importers.get(one) ?? []) found.add(importer);
  return found;
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const number = context.parentURL?.match(/\?planted=(\d+)$/)?.[1];
    if (number === undefined || !resolved.url.startsWith(root.href)) return resolved;
    const anew = planted[Number(number)]!.anew.has(resolved.url.slice(root.href.length));
    return anew ? { ...resolved, url: `${resolved.url}?planted=${number}` } : resolved;
  },
  load(url, context, nextLoad) {
    const bug = planted[Number(url.match(/\?planted=(\d+)$/)?.[1] ?? -1)]?.bug;
    if (!bug || new URL(bug.file, root).href !== url.split('?')[0]) return nextLoad(url, context);
    const source = readFileSync(new URL(bug.file, root), 'utf8');
    assert.equal(source.split(bug.find).length, 2, `${bug.file} holds the snippet of "${bug.name}" once`);
    return { format: 'module-typescript', source: source.replace(bug.find, () => bug.replace), shortCircuit: true };
  },
});

/** The module at a path from the root as it would be with the bug. */
export async function importWithBug<M>(module: string, bug: PlantedBug): Promise<M> {
  const anew = importersOf(bug.file, module);
  assert.ok(anew.has(module), `${module} imports ${bug.file}`);
  const number = planted.push({ bug, anew }) - 1;
  return (await import(new URL(`${module}?planted=${number}`, root).href)) as M;
}
