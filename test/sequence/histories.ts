/** Random histories of operations on a sequence, as fast-check commands, played against the trivial model. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import type { IdRangeJson } from '../../src/sequence/id-range.ts';
import type { SequenceOperation, SequenceResult } from '../../src/sequence/operations.ts';
import type { SequenceState } from '../../src/sequence/state.ts';
import { type Expected, SequenceModel } from './model.ts';

export type Reduce = (
  state: SequenceState | undefined,
  operation: unknown,
) => { state: SequenceState | undefined; result: SequenceResult };

/** The sequence under test: its state is kept as the host keeps it, as JSON text. */
interface Real {
  reduce: Reduce;
  text: string | undefined;
  /** Operations delivered to a sequence that existed, and granted: the ones whose repetition must change nothing. */
  granted: SequenceOperation[];
}

function deliver(real: Real, operation: SequenceOperation): SequenceResult {
  const before = real.text;
  const state = before === undefined ? undefined : (JSON.parse(before) as SequenceState);
  const { state: after, result } = real.reduce(state, JSON.parse(JSON.stringify(operation)));
  real.text = after === undefined ? undefined : JSON.stringify(after);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result, 'an answer is plain JSON');
  if (!result.ok) assert.equal(real.text, before, 'a refusal changes nothing');
  if (real.text !== undefined) assert.ok(real.text.length <= limits.entityStateBytesMax);
  if (result.ok && real.text !== undefined) real.granted.push(operation);
  return result;
}

function idsOf(ranges: IdRangeJson[], step: bigint): bigint[] {
  return ranges.flatMap(({ first, count }) =>
    Array.from({ length: Number(count) }, (_, k) => BigInt(first) + BigInt(k) * step),
  );
}

/** Compares what came out with what the model says. */
function checkAnswer(operation: SequenceOperation, result: SequenceResult, expected: Expected, step: bigint): void {
  const shown = JSON.stringify(result);
  if ('refused' in expected) {
    assert.equal(result.ok ? shown : result.error.code, expected.refused);
    return;
  }
  assert.ok(result.ok, `${operation.kind}: ${shown}`);
  if ('abandoned' in expected) {
    assert.equal('abandoned' in result && result.abandoned, String(expected.abandoned));
    return;
  }
  assert.ok('ranges' in result, shown);
  assert.deepEqual(idsOf(result.ranges, step), expected.ids);
  for (const [index, range] of result.ranges.entries()) {
    const before = result.ranges[index - 1];
    const touches = before && BigInt(before.first) + BigInt(before.count) * step === BigInt(range.first);
    assert.ok(!touches, 'ranges are maximal');
  }
}

/** Every ID from start to the high-water mark is in exactly one place, and in the place that the model says. */
function checkState(model: SequenceModel, real: Real): void {
  assert.equal(real.text !== undefined, model.exists);
  if (real.text === undefined) return;
  const state = JSON.parse(real.text) as SequenceState;
  const single = (range: IdRangeJson) => idsOf([range], model.step);
  assert.equal(state.next, String(model.next));
  assert.deepEqual(state.free.flatMap(single), model.free());
  const held = state.open.flatMap((entry) => entry.ranges.flatMap(single));
  assert.equal(new Set(held).size, held.length, 'no ID has two owners');
  assert.ok(
    held.every((id) => !model.used.has(id)),
    'no used ID is held',
  );
  assert.deepEqual(
    state.open.map(({ owner, attempt, ranges }) => [owner, attempt, ranges.flatMap(single)]).sort(),
    [...model.open].map(([owner, { attempt, ids }]) => [owner, attempt, ids]).sort(),
  );
}

class Deliver implements fc.Command<SequenceModel, Real> {
  readonly make: (model: SequenceModel) => SequenceOperation;
  private shown = '';
  constructor(make: (model: SequenceModel) => SequenceOperation) {
    this.make = make;
  }
  check(): boolean {
    return true;
  }
  run(model: SequenceModel, real: Real): void {
    const operation = this.make(model);
    this.shown = JSON.stringify(operation);
    checkAnswer(operation, deliver(real, operation), model.apply(operation), model.step);
    checkState(model, real);
  }
  toString(): string {
    return this.shown;
  }
}

/** A message that arrives again, however late: it must be answered, and must change nothing. */
class Repeat implements fc.Command<SequenceModel, Real> {
  readonly back: number;
  private shown = '';
  constructor(back: number) {
    this.back = back;
  }
  check(): boolean {
    return true;
  }
  run(model: SequenceModel, real: Real): void {
    const operation = real.granted.at(-1 - (this.back % Math.max(1, real.granted.length)));
    if (operation === undefined) return;
    this.shown = `again ${JSON.stringify(operation)}`;
    const before = real.text;
    deliver(real, operation);
    assert.equal(real.text, before, 'a repeated operation changes nothing');
    checkState(model, real);
  }
  toString(): string {
    return this.shown;
  }
}

const owner = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
const attempt = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat({ max: 4 }));
const count = fc.oneof(fc.constant(1), fc.nat({ max: 6 }), fc.nat({ max: 25 }).map(String));
const life = (value: number | undefined) => (value === undefined ? {} : { attempt: value });
const options = (model: SequenceModel) => ({ start: String(model.start), step: String(model.step) });

/** A reservation by whatever owner, in whatever life: often refused, or a repetition. */
const reserve = fc
  .tuple(owner, attempt, count)
  .map(
    ([who, when, much]) =>
      new Deliver((model) => ({ kind: 'reserve', owner: who, ...life(when), count: much, ...options(model) })),
  );
/** A reservation in a new life: granted, unless the owner has one already. */
const reserveAnew = fc.tuple(owner, count).map(
  ([who, much]) =>
    new Deliver((model) => ({
      kind: 'reserve',
      owner: who,
      attempt: (model.released.get(who) ?? -1) + 1,
      count: much,
      ...options(model),
    })),
);
/** All that is left up to the largest ID, or one more or less, where that is few enough to enumerate. */
const reserveRest = fc.tuple(owner, fc.integer({ min: -1, max: 1 })).map(
  ([who, by]) =>
    new Deliver((model) => {
      const rest = model.next > limits.idMax ? 0n : (limits.idMax - model.next) / model.step + 1n;
      const much = Math.max(0, model.free().length + Number(rest < 100n ? rest : 1n) + by);
      return { kind: 'reserve', owner: who, count: much, ...options(model) };
    }),
);
const release = fc
  .tuple(owner, attempt)
  .map(([who, when]) => new Deliver(() => ({ kind: 'release', owner: who, ...life(when) })));
const commit = fc
  .tuple(owner, attempt)
  .map(([who, when]) => new Deliver(() => ({ kind: 'commit', owner: who, ...life(when) })));
const raiseTo = fc
  .integer({ min: -9, max: 9 })
  .map(
    (by) =>
      new Deliver((model) => ({ kind: 'raiseTo', value: String(within(model.next + BigInt(by))), ...options(model) })),
  );
const repeat = fc.nat({ max: 50 }).map((back) => new Repeat(back));

// More often what moves a history on; an import, which wipes much of it out, is rare.
const commands = [reserveAnew, reserveAnew, reserve, reserveRest, release, release, commit, repeat, repeat];
const imports = fc.oneof({ weight: 1, arbitrary: raiseTo }, { weight: 3, arbitrary: repeat });

function within(value: bigint): bigint {
  return value < 0n ? 0n : value > limits.idMax ? limits.idMax : value;
}

/** Where a sequence begins: near 0, anywhere, or so near the largest ID that it runs out. */
const beginning = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n }),
  fc.bigInt({ min: 0n, max: limits.idMax }),
  fc.bigInt({ min: limits.idMax - 60n, max: limits.idMax }),
);
const stepping = fc.oneof(fc.constant(1n), fc.bigInt({ min: 2n, max: 7n }), fc.bigInt({ min: 1n, max: limits.idMax }));

/** The property that every sequence must have, for any reducer. */
export function historyProperty(reduce: Reduce) {
  return fc.property(
    beginning,
    stepping,
    fc.commands([...commands, imports], { maxCommands: 60, size: 'max' }),
    (start, step, history) => {
      fc.modelRun(
        () => ({ model: new SequenceModel(start, step), real: { reduce, text: undefined, granted: [] } }),
        history,
      );
    },
  );
}
