/** Bugs put in on purpose: a test that none of them fails proves nothing. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { importWithBug, type PlantedBug } from './support/planted.ts';
import * as sound from './support/scenarios.ts';

type Scenarios = typeof sound;
type Bug = PlantedBug & { caughtBy: (scenarios: Scenarios) => Promise<void> };

const bugs: Bug[] = [
  {
    name: 'a dead run is settled without closing it to late writers',
    file: 'src/run/discard-activity.ts',
    find: 'await decideManifest(environment, pipeline, abandoned(claim, pipeline))',
    replace: 'undefined',
    caughtBy: (scenarios) => scenarios.wakesLate('manifest:write:before'),
  },
  {
    name: 'a life publishes although it was given up',
    file: 'src/documents/manifest-state.ts',
    find: "return there.outcome === 'abandoned' && wanted.life > there.life;",
    replace: "return there.outcome === 'abandoned';",
    caughtBy: (scenarios) => scenarios.wakesLate('manifest:write:before'),
  },
  {
    name: 'IDs of a run that failed after it had published are released',
    file: 'src/run/settle.ts',
    find: "const end = discarded.published ? 'commit' : 'release';",
    replace: "const end = true ? 'release' : 'commit';",
    caughtBy: (scenarios) => scenarios.fails('manifest:write:after'),
  },
  {
    name: 'a failed run keeps its reservation',
    file: 'src/run/settle.ts',
    find: 'for (const sequence of discarded.sequences) {',
    replace: 'for (const sequence of [] as string[]) {',
    caughtBy: (scenarios) => scenarios.fails('sealed:write:before'),
  },
  {
    name: 'a failed run leaves its files',
    file: 'src/run/discard-activity.ts',
    find: 'for (const prefix of output.filePrefixes(pipeline, of))',
    replace: 'for (const prefix of [] as string[])',
    caughtBy: (scenarios) => scenarios.fails('part:commit:after'),
  },
  {
    name: 'a plan is remembered by its run ID alone',
    file: 'src/documents/load.ts',
    find: 'JSON.stringify([lifeId(of), etag, ...what])',
    replace: 'JSON.stringify([of.runId, ...what])',
    caughtBy: (scenarios) => scenarios.fails('sealed:write:before'),
  },
  {
    name: 'a life works with what another one has left in memory',
    file: 'src/documents/run-work.ts',
    find: 'lifeId(kept.work.of) !== lifeId(of) || kept.work.plan !== of.plan',
    replace: 'kept.work.of.runId !== of.runId',
    caughtBy: (scenarios) => scenarios.changesBetweenLives('splitShort'),
  },
  {
    name: 'a source is kept in memory whatever version it is of',
    file: 'src/source/kept-sources.ts',
    find: 'JSON.stringify([container, name, etag])',
    replace: 'JSON.stringify([container, name])',
    caughtBy: (scenarios) => scenarios.changesBetweenLives('planRun'),
  },
  {
    name: 'reservations of dead runs are left alone',
    file: 'src/run/settle-orphans.ts',
    find: 'if (!(yield* isAlive(df, owner)))',
    replace: 'if (false)',
    caughtBy: (scenarios) => scenarios.orphan(),
  },
  {
    name: 'what a dead run published is released',
    file: 'src/run/settle.ts',
    find: "const end = discarded.published ? 'commit' : 'release';",
    replace: "const end = true ? 'release' : 'commit';",
    caughtBy: (scenarios) => scenarios.wakesLate('manifest:write:after'),
  },
  {
    name: 'a run resolves keys without the lease',
    file: 'src/run/leases.ts',
    find: 'if (answer.ok && answer.granted) {',
    replace: 'if (answer.ok) {',
    caughtBy: (scenarios) => scenarios.sideBySide(),
  },
  {
    name: 'leases are given back before the keys are published',
    file: 'src/run/orchestrator.ts',
    find: "  report(df, run, { phase: 'seal', tasks: tasks.seal });\n  const keyed",
    replace:
      "  yield df.Task.all(run.leases.map((key) => df.callEntity({ name: 'lease', key }, 'release', { owner: run.owner })));\n  report(df, run, { phase: 'seal', tasks: tasks.seal });\n  const keyed",
    caughtBy: (scenarios) => scenarios.waitsForTheLease(),
  },
  {
    name: 'the head forgets a published delta that it was not told of',
    file: 'src/keys/key-index.ts',
    find: 'return then(ids && head.pending ? withDelta(head, head.pending, ids) : head);',
    replace: 'return then(head);',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'a pending delta counts before its run has published',
    file: 'src/resolve/run-key-index.ts',
    find: 'return published ? partitionIds(manifest, entity, partition) : undefined;',
    replace:
      "return manifest?.outcome === 'published' ? partitionIds(manifest, entity, partition) : { step: '1', ranges: [{ first: '900', count: '900' }] };",
    caughtBy: (scenarios) => scenarios.fails('sealed:write:before'),
  },
  {
    name: 'an earlier holder of the lease may still name its keys',
    file: 'src/keys/key-index.ts',
    find: 'if (head.term <= term) return;',
    replace: 'if (head.term >= 0) return;',
    caughtBy: (scenarios) => scenarios.lostLease(),
  },
  {
    name: 'a merge forgets the segments that it did not merge',
    file: 'src/keys/compact.ts',
    find: '? { ...head, entries: list }',
    replace: '? { ...head, entries: list.length > 0 ? [merged] : list }',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'a merge mistakes ordinals for IDs',
    file: 'src/keys/merge-segments.ts',
    find: 'return this.#ids ? this.#ids.at(Number(value)) : value;',
    replace: 'return value;',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'new keys of later partitions get the IDs of the first',
    file: 'src/seal/seal-context.ts',
    find: 'merged[i] = slot < 0n ? slot - before : slot;',
    replace: 'merged[i] = slot; void before;',
    caughtBy: (scenarios) => scenarios.sideBySide(),
  },
  {
    name: 'known keys are published with the IDs of others',
    file: 'src/resolve/activity.ts',
    find: 'ids.push(slots[ordinal]!);',
    replace: 'ids.unshift(slots[ordinal]!);',
    caughtBy: (scenarios) => scenarios.manyClubs(),
  },
  {
    name: "a change is compared with the run's first row",
    file: 'src/resolve/changes.ts',
    find: 'const before = isNew ? this.#first[ordinal]! : published[ordinal]!;',
    replace: 'const before = isNew || ordinal >= 0 ? this.#first[ordinal]! : published[ordinal]!;',
    caughtBy: (scenarios) => scenarios.manyClubs(),
  },
  {
    name: 'a merge keeps the oldest digest',
    file: 'src/keys/merge-segments.ts',
    find: 'newest ? sources.toReversed() : sources',
    replace: 'sources',
    caughtBy: (scenarios) => scenarios.manyClubs(),
  },
  {
    name: 'digests of a run that did not publish count',
    file: 'src/keys/key-index.ts',
    find: 'return then(ids && head.pending ? withDelta(head, head.pending, ids) : head);',
    replace:
      "return then(head.pending?.attributes && !ids ? withDelta(head, { ...head.pending, delta: null }, { step: '1', ranges: [] }) : ids && head.pending ? withDelta(head, head.pending, ids) : head);",
    caughtBy: (scenarios) => scenarios.clubFails('manifest:write:before'),
  },
  {
    name: 'a description that comes after a reference is lost',
    file: 'src/resolve/changes.ts',
    find: 'for (const ordinal of ordinals) if (isLate.has(slots[ordinal]!)) this.#change(ordinal, arriving);',
    replace: 'void isLate;',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'a key is described once more by every run that names it',
    file: 'src/keys/key-index.ts',
    find: 'next.described = { ...head.described, [owner]: withDescribed(head.described?.[owner], described, ids) };',
    replace: 'void owner; void withDescribed;',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'a row that says nothing describes a key',
    file: 'src/resolve/changes.ts',
    find: 'if (says(row)) this.#says[ordinal] = 1;',
    replace: 'if (says(row) || true) this.#says[ordinal] = 1;',
    caughtBy: (scenarios) => scenarios.manyRuns(),
  },
  {
    name: 'keys that a run described count as described although it did not publish',
    file: 'src/keys/key-index.ts',
    find: 'return then(ids && head.pending ? withDelta(head, head.pending, ids) : head);',
    replace:
      "return then(ids && head.pending ? withDelta(head, head.pending, ids) : head.pending?.described ? withDelta(head, { ...head.pending, delta: null, described: { ...head.pending.described, fresh: { keys: 0, ranges: [], segment: null } } }, { step: '1', ranges: [] }) : head);",
    caughtBy: (scenarios) => scenarios.webFails('manifest:write:before'),
  },
  {
    name: 'a member that was published is forgotten',
    file: 'src/keys/key-index.ts',
    find: 'next.unknown = [...(head.unknown ?? []), ...unknown]',
    replace: 'next.unknown = head.unknown ?? []',
    caughtBy: (scenarios) => scenarios.firstMember('sealed:write:before'),
  },
  {
    name: 'a member counts although its run did not publish',
    file: 'src/resolve/unknown-rows.ts',
    find: '!head.unknown?.includes(id)',
    replace: '!head.unknown?.includes(id) && !head.pending?.unknown?.includes(id)',
    caughtBy: (scenarios) => scenarios.firstMember('sealed:write:before'),
  },
  {
    name: 'the rows of later batches are numbered first',
    file: 'src/seal/activity.ts',
    find: ': tally.starts[name]![place.batch]!;',
    replace: ': tally.starts[name]!.at(-1)! - tally.starts[name]![place.batch + 1]!;',
    caughtBy: (scenarios) => scenarios.dies('manifest:write:after'),
  },
  {
    name: 'a file says when it was written',
    file: 'src/publish/activity.ts',
    find: "    'ordinal.run': runId,",
    replace: "    'ordinal.run': runId,\n    'ordinal.at': String(process.hrtime.bigint()),",
    caughtBy: (scenarios) => scenarios.sameBytes('part:commit:after'),
  },
  {
    name: 'a dead holder keeps its lease',
    file: 'src/run/leases.ts',
    find: 'if (holder !== undefined && !(yield* isAlive(df, holder))) {',
    replace: 'if (holder !== undefined && (yield* isAlive(df, holder)) && false) {',
    caughtBy: (scenarios) => scenarios.wakesLate('keyDelta:write:before'),
  },
  {
    name: 'runs take leases of the sequences that they share',
    file: 'src/run/orchestrator.ts',
    find: 'const leases = plan.keyed.map(({ index }) => index);',
    replace: 'const leases = [...plan.keyed.map(({ index }) => index), ...plan.sequences.map(({ name }) => name)];',
    caughtBy: (scenarios) => scenarios.neverWaits(),
  },
  {
    name: 'an index is read in as many partitions as the pipeline says, whatever it has',
    file: 'src/keys/key-index.ts',
    find: 'if (document.partitions !== partitions) {',
    replace: 'if (false) {',
    caughtBy: (scenarios) => scenarios.otherPartitions(),
  },
  {
    name: 'all blocks of an index are read',
    file: 'src/keys/segment.ts',
    find: 'directory.filter((block) => wanted(block.first, block.last))',
    replace: 'directory',
    caughtBy: (scenarios) => scenarios.readsLittle(),
  },
  {
    name: 'a fan-out of any size is in one history',
    file: 'src/durable/fan-out.ts',
    find: '  const count = range.to - range.from;\n  if (count <= limits.fanOutTasksMax) {',
    replace: '  const count = range.to - range.from;\n  if (count <= limits.fanOutTasksMax * 10) {',
    caughtBy: (scenarios) => scenarios.manyBatches(),
  },
  {
    name: 'leases are taken in the order of declaration',
    file: 'src/run/leases.ts',
    find: 'for (const name of [...new Set(names)].sort()) {',
    replace: 'for (const name of new Set(names)) {',
    caughtBy: (scenarios) => scenarios.crossing(),
  },
  {
    name: 'rows that no entity takes are forgotten',
    file: 'src/split/batch.ts',
    find: 'this.#keysOnly += left.keysOnly;',
    replace: '',
    caughtBy: (scenarios) => scenarios.manyClubs(),
  },
];

for (const bug of bugs) {
  test(`caught: ${bug.name}`, async () => {
    const scenarios = await importWithBug<Scenarios>('test/run/support/scenarios.ts', bug);
    await assert.rejects(bug.caughtBy(scenarios), { name: 'AssertionError' }, `"${bug.name}" goes unnoticed`);
  });
}

test('without a bug, nothing is caught', async () => {
  await sound.wakesLate('manifest:write:before');
  await sound.wakesLate('manifest:write:after');
  await sound.lostLease();
  await sound.dies('manifest:write:after');
  await sound.fails('manifest:write:after');
  await sound.fails('sealed:write:before');
  await sound.fails('part:commit:after');
  await sound.orphan();
  await sound.sideBySide();
  await sound.manyRuns();
  await sound.manyClubs();
  await sound.clubFails('manifest:write:before');
  await sound.webFails('manifest:write:before');
  await sound.sameBytes('part:commit:after');
  await sound.neverWaits();
  await sound.otherPartitions();
  await sound.readsLittle();
  await sound.crossing();
  await sound.manyBatches();
  await sound.wakesLate('sealed:write:before');
  await sound.changesBetweenLives('splitShort');
  await sound.changesBetweenLives('planRun');
});
