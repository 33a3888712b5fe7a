/**
 * Ordinal → ID, over the short list of ranges that a sequence gave: the only place where an ordinal becomes an ID. Seals,
 * publishing, key indexes and the verifier use it. It reads nothing and writes nothing.
 */
import { invariant } from '../errors.ts';
import { countOf, fromJson, type IdList, type IdRange } from './id-range.ts';

/** The IDs of one sequence's reservation, by ordinal. */
export class IdMap {
  readonly step: bigint;
  readonly #ranges: IdRange[];
  /** The same as doubles, which are exact up to 2^53; empty where IDs go beyond. */
  readonly #exact: { first: number; count: number }[];

  /** @param list as a sequence gave it; a `count` beside it must be the sum of its ranges. */
  constructor(list: IdList & { count?: number }) {
    this.step = BigInt(list.step);
    this.#ranges = list.ranges.map(fromJson);
    const safe = this.#ranges.every(({ first, count }) => first + count * this.step <= Number.MAX_SAFE_INTEGER);
    this.#exact = safe ? this.#ranges.map(({ first, count }) => ({ first: Number(first), count: Number(count) })) : [];
    const total = countOf(this.#ranges);
    const whole = list.count === undefined || total === BigInt(list.count);
    invariant(whole, `ranges of ${total} IDs for a reservation of ${list.count}`);
  }

  /** The ID of one ordinal. */
  at(ordinal: number): bigint {
    let rest = BigInt(ordinal);
    for (const { first, count } of this.#ranges) {
      if (rest < count) return first + rest * this.step;
      rest -= count;
    }
    invariant(false, `ordinal ${ordinal} is beyond the reservation`);
  }

  /** Writes the ID of one ordinal to place `i` of 64-bit integers that are given as halves: no BigInt is made. */
  put(halves: Int32Array, i: number, ordinal: number): void {
    const ranges = this.#exact;
    const step = Number(this.step);
    let rest = ordinal;
    for (let r = 0; r < ranges.length; r++) {
      const { first, count } = ranges[r]!;
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
    let skip = BigInt(start);
    let left = BigInt(count);
    for (const range of this.#ranges) {
      if (left === 0n) break;
      if (skip >= range.count) {
        skip -= range.count;
        continue;
      }
      const take = left < range.count - skip ? left : range.count - skip;
      out.push({ first: range.first + skip * this.step, count: take });
      left -= take;
      skip = 0n;
    }
    invariant(left === 0n, `ordinals ${start}..${start + count} are beyond the reservation`);
    return out;
  }
}
