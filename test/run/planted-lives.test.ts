// biome-ignore-all lint/suspicious/noTemplateCurlyInString: snippets of source text.
/**
 * Defects of lives that meet, put back one by one: long lives find each of them within so many seeds. A long life that
 * finds none of them proves nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { longLives } from './support/long-life.ts';
import { importWithBug, type PlantedBug } from './support/planted.ts';

type Bug = PlantedBug & {
  /** Seeds within which it is found. */
  seeds: number;
  /** The seed that found it last: it is tried before the others, which take their time. */
  first?: number;
  /** A request that all lives which are ended make late; without it, what the seed says. */
  hold?: string;
};

const bugs: Bug[] = [
  {
    name: 'duplicate IDs: what the sequences gave is written where an earlier life writes it',
    file: 'src/storage/names.ts',
    find: 'ids: (of: Life) => `${folderOf(of)}ids.json`',
    replace: 'ids: (of: Life) => `${folderOf({ ...of, life: 1 })}ids.json`',
    seeds: 5,
    hold: 'ids:write',
  },
  {
    name: 'the same, among everything else that can go wrong',
    file: 'src/storage/names.ts',
    find: 'ids: (of: Life) => `${folderOf(of)}ids.json`',
    replace: 'ids: (of: Life) => `${folderOf({ ...of, life: 1 })}ids.json`',
    seeds: 120,
    first: 9,
  },
  {
    name: 'duplicate IDs: lives stage blocks of the same files',
    file: 'src/storage/names.ts',
    find: '${entity}/${lifeId(of)}-${pad(part, 5)}',
    replace: '${entity}/${of.runId}-${pad(part, 5)}',
    seeds: 10,
  },
  {
    name: 'published data deleted: a discard removes the key deltas of all lives',
    file: 'src/run/discard-activity.ts',
    find: '(name) => name.endsWith(delta));',
    replace: '(name) => name.includes(`/delta-${of.runId}`));',
    seeds: 60,
    first: 38,
  },
  {
    name: 'published data deleted: a discard removes the work in progress of all lives',
    file: 'src/run/discard-activity.ts',
    find: 'const blobs = await listWork(environment, of);',
    replace:
      'const blobs = (await Promise.all([1, 2, 3, 4].map((life) => listWork(environment, { ...of, life })))).flat();',
    seeds: 30,
  },
  {
    name: 'a restart soon after a cancel joins the life that is about to end',
    file: 'src/lives/start.ts',
    find: "return hasEnded(instance) || claim.state !== 'open' || saysFailed(instance);",
    replace: 'return hasEnded(instance);',
    seeds: 60,
  },
  {
    name: 'racing starts: another source is not refused',
    file: 'src/lives/start.ts',
    find: 'if (newest) refuseOther(newest.input, input);',
    replace: '',
    seeds: 10,
  },
  {
    name: 'racing starts: a claim replaces the one that was faster',
    file: 'src/lives/claims.ts',
    find: '{ ...inPlaceOf(before), metadata }',
    replace: '{ ...(before && inPlaceOf(before)), metadata }',
    seeds: 20,
  },
  {
    name: 'what comes late of a life that was settled stays',
    file: 'src/upkeep/sweep-lives.ts',
    find: 'await discardAgain(context, swept, of);',
    replace: ';',
    seeds: 60,
    hold: 'part:commit',
  },
];

for (const bug of bugs) {
  test(`found within ${bug.seeds} seeds: ${bug.name}`, async () => {
    const life = await importWithBug<{ longLives: typeof longLives }>('test/run/support/long-life.ts', bug);
    await assert.rejects(
      life.longLives(bug.seeds, bug.hold, bug.first),
      { name: 'AssertionError' },
      `"${bug.name}" goes unnoticed`,
    );
  });
}
