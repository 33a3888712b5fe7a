/** Random histories against the trivial model; and bugs planted in the reducer, each of which the histories must catch. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { reduceAny } from '../../src/sequence/reducer.ts';
import { historyProperty, type Reduce } from './histories.ts';
import { importWithBug, type PlantedBug } from './planted.ts';

const seed = 20_260_101;

test('any history of reserve, commit, release, raiseTo and repeated messages does what the model says', () => {
  fc.assert(historyProperty(reduceAny), { numRuns: 250 });
});

const planted: PlantedBug[] = [
  {
    name: 'released ranges are forgotten',
    file: 'ranges.ts',
    find: 'const free = union([...supply.free, ...ranges], step);',
    replace: 'const free = union([...supply.free], step);',
  },
  {
    name: 'free ranges are not handed out again',
    file: 'ranges.ts',
    find: 'return [...supply.free, { first: supply.next',
    replace: 'return [{ first: supply.next',
  },
  {
    name: 'a merge reaches one ID too far',
    file: 'ranges.ts',
    find: 'if (last && endOf(last, step) === range.first) last.count += range.count;',
    replace: 'if (last && endOf(last, step) === range.first) last.count += range.count + 1n;',
  },
  {
    name: 'ranges one ID apart are merged',
    file: 'ranges.ts',
    find: 'endOf(last, step) === range.first)',
    replace: 'endOf(last, step) + step >= range.first)',
  },
  {
    name: 'neighbours are not merged',
    file: 'ranges.ts',
    find: 'if (last && endOf(last, step) === range.first)',
    replace: 'if (last && endOf(last, step) > range.first)',
  },
  {
    name: 'the high-water mark does not move back',
    file: 'ranges.ts',
    find: 'endOf(last, step) !== supply.next) return',
    replace: 'endOf(last, step) !== supply.next + 1n) return',
  },
  {
    name: 'what remains of a free range begins one ID early',
    file: 'ranges.ts',
    find: 'free.push({ first: range.first + part * step, count: range.count - part })',
    replace:
      'free.push({ first: range.first + (part - (part && 1n)) * step, count: range.count - part + (part && 1n) })',
  },
  {
    name: 'the largest ID is one too many',
    file: 'ranges.ts',
    find: '(limits.idMax - supply.next) / step + 1n',
    replace: '(limits.idMax - supply.next) / step + 2n',
  },
  {
    name: 'the largest ID is never given',
    file: 'ranges.ts',
    find: 'if (supply.next > limits.idMax)',
    replace: 'if (supply.next >= limits.idMax)',
  },
  {
    name: 'a repeated reservation is a new one',
    file: 'reducer.ts',
    find: 'const open = ledger.open.find((entry) => entry.owner === owner);\n  const finished = ledger.finished',
    replace:
      'const open = ledger.open.find((entry) => entry.owner === owner && attempt > 3);\n  const finished = ledger.finished',
  },
  {
    name: 'a committed reservation is forgotten',
    file: 'reducer.ts',
    find: "if (finished?.outcome === 'committed') {\n    refuse",
    replace: "if (finished?.outcome === 'committed' && count > 999n) {\n    refuse",
  },
  {
    name: 'a reservation after a release of the same life is granted',
    file: 'reducer.ts',
    find: 'if (finished && attempt <= finished.attempt) {\n    throw',
    replace: 'if (finished && attempt < finished.attempt) {\n    throw',
  },
  {
    name: 'the count of a repeated reservation is not compared',
    file: 'reducer.ts',
    find: 'if (reserved === count) return;',
    replace: 'if (reserved <= count) return;',
  },
  {
    name: 'a stale life may release what a later one uses',
    file: 'reducer.ts',
    find: 'if (attempt >= open.attempt) return;',
    replace: 'if (attempt >= 0) return;',
  },
  {
    name: 'a later life does not take over',
    file: 'reducer.ts',
    find: '{ ...open, attempt }) } : ledger;',
    replace: '{ ...open }) } : ledger;',
  },
  {
    name: 'committed IDs can be released',
    file: 'reducer.ts',
    find: "if (finished?.outcome === 'committed')\n    throw",
    replace: "if (finished?.outcome === 'committed' && attempt > 3)\n    throw",
  },
  {
    name: 'an import lets its own maximum out again',
    file: 'reducer.ts',
    find: '((value - start) / step + 1n) * step',
    replace: '((value - start) / step) * step',
  },
  {
    name: 'an import lowers the sequence',
    file: 'reducer.ts',
    find: 'const raised = floor > ledger.next;',
    replace: 'const raised = true;',
  },
  {
    name: 'an import keeps free ranges that may be in use',
    file: 'reducer.ts',
    find: 'const kept = above(free, floor, step);',
    replace: 'const kept = free;',
  },
  {
    name: 'an import is forgotten when a reservation is released',
    file: 'reducer.ts',
    find: 'giveBack(ledger, above(given, ledger.floor, ledger.step), ledger.step)',
    replace: 'giveBack(ledger, given, ledger.step)',
  },
];

describe('a planted bug is caught', () => {
  for (const bug of planted) {
    test(bug.name, async () => {
      const { reduceAny: wrong } = await importWithBug<{ reduceAny: Reduce }>('reducer.ts', bug);
      const { failed, counterexample } = fc.check(historyProperty(wrong), { numRuns: 400, seed, endOnFailure: true });
      assert.ok(failed, 'no history told it from the right one');
      assert.ok(counterexample);
    });
  }
});
