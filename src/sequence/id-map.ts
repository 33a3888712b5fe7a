/** Ordinals → IDs, over the short list of contiguous ranges that a reservation consists of. */

import { invariant } from '../errors.ts';

/** Contiguous IDs: `count` of them from `first`, `step` apart. */
export interface IdRange {
  first: bigint;
  count: number;
  step: bigint;
}

/** The IDs of one sequence's reservation, by ordinal. */
export class IdMap {
  readonly #ranges: IdRange[];
  /** The same as doubles, which are exact up to 2^53; empty where IDs go beyond. */
  readonly #exact: { first: number; count: number; step: number }[];

  /** @param sequence what a sequence gave: `count` is the sum of its ranges. */
  constructor(sequence: { step: string; count: number; ranges: readonly { first: string; count: string }[] }) {
    const step = BigInt(sequence.step);
    this.#ranges = sequence.ranges.map((r) => ({ first: BigInt(r.first), count: Number(r.count), step }));
    const safe = this.#ranges.every(({ first, count }) => first + BigInt(count) * step <= Number.MAX_SAFE_INTEGER);
    this.#exact = safe
      ? this.#ranges.map(({ first, count }) => ({ first: Number(first), count, step: Number(step) }))
      : [];
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

  /** Writes the ID of one ordinal to place `i` of 64-bit integers that are given as halves: no BigInt is made. */
  put(halves: Int32Array, i: number, ordinal: number): void {
    const ranges = this.#exact;
    let rest = ordinal;
    for (let r = 0; r < ranges.length; r++) {
      const { first, count, step } = ranges[r]!;
      if (rest < count) {
        const id = first + rest * step;
        halves[2 * i] = id;
        halves[2 * i + 1] = Math.floor(id / 2 ** 32);
        return;
      }
      rest -= count;
    }
    const id = this.at(ordinal);
    halves[2 * i] = Number(BigInt.asIntN(32, id));
    halves[2 * i + 1] = Number(id >> 32n);
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
