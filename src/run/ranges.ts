/** Ordinals → IDs, over the short list of contiguous ranges that a reservation consists of. */
import { invariant } from '../errors.ts';
import type { Ids } from './documents.ts';

export interface IdRange {
  first: bigint;
  count: number;
  step: bigint;
}

export class IdMap {
  readonly #ranges: IdRange[];

  constructor(sequence: Ids['sequences'][string]) {
    const step = BigInt(sequence.step);
    this.#ranges = sequence.ranges.map((r) => ({ first: BigInt(r.first), count: Number(r.count), step }));
    const total = this.#ranges.reduce((sum, range) => sum + range.count, 0);
    invariant(total === sequence.count, `ranges of ${total} IDs for a reservation of ${sequence.count}`);
  }

  /** The ID of one ordinal. */
  at(ordinal: number): bigint {
    let rest = ordinal;
    for (const { first, count, step } of this.#ranges) {
      if (rest < count) return first + BigInt(rest) * step;
      rest -= count;
    }
    invariant(false, `ordinal ${ordinal} is beyond the reservation`);
  }

  /** The ranges of `count` consecutive ordinals. */
  slice(start: number, count: number): IdRange[] {
    const out: IdRange[] = [];
    let skip = start;
    let left = count;
    for (const range of this.#ranges) {
      if (left === 0) break;
      if (skip >= range.count) {
        skip -= range.count;
        continue;
      }
      const take = Math.min(left, range.count - skip);
      out.push({ first: range.first + BigInt(skip) * range.step, count: take, step: range.step });
      left -= take;
      skip = 0;
    }
    invariant(left === 0, `ordinals ${start}..${start + count} are beyond the reservation`);
    return out;
  }
}
