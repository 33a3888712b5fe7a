/** A sequence to talk to in tests. */
import type { SequenceOperation, SequenceResult } from '../../src/sequence/operations.ts';
import { reduceAny } from '../../src/sequence/reducer.ts';
import type { SequenceState } from '../../src/sequence/state.ts';

/** A sequence that keeps its state as JSON text between operations, as a host does. */
export class Sequence {
  text: string | undefined;

  constructor(state?: SequenceState) {
    if (state) this.do({ kind: 'restore', state });
  }

  do(operation: SequenceOperation | { kind: string }): SequenceResult {
    const { state, result } = reduceAny(this.text === undefined ? undefined : JSON.parse(this.text), operation);
    this.text = state === undefined ? undefined : JSON.stringify(state);
    return result;
  }

  /** Reserves and gives the ranges as [first, count], or the refusal's code. */
  reserve(owner: string, count: number | string, more: object = {}): unknown {
    return ranges(this.do({ kind: 'reserve', owner, count, start: '1', step: '1', ...more }));
  }

  get state(): SequenceState {
    return JSON.parse(this.text!) as SequenceState;
  }
}

export function ranges(result: SequenceResult): unknown {
  if (!result.ok) return result.error.code;
  return 'ranges' in result ? result.ranges.map(({ first, count }) => [BigInt(first), BigInt(count)]) : result;
}

/** IDs 1, 3, 5, ... free, `count` of them; those between are used. */
export function fragmented(count: number, size = 1n): SequenceState {
  const free = Array.from({ length: count }, (_, k) => ({
    first: String(1n + BigInt(k) * (size + 1n)),
    count: String(size),
  }));
  return {
    version: 1,
    start: '1',
    step: '1',
    next: String(1n + BigInt(count) * (size + 1n)),
    floor: '1',
    free,
    open: [],
    finished: [],
  };
}
