/**
 * Arithmetic over sets of IDs as contiguous ranges; the sequence's reducer and key indexes need it. A set is a list
 * of ranges that is ascending, disjoint and *maximal* (no two neighbours touch), so that a set has one spelling only.
 * Pure; bigint throughout, for IDs are exact to 2^63-1.
 */
import { limits } from '../limits.ts';
import { ascending, countOf, endOf, type IdRange } from './id-range.ts';

/** What a sequence still has to give: released ranges below `next`, and everything from `next` on. */
export interface Supply {
  free: IdRange[];
  /** First ID above all that were ever handed out. Exceeds `limits.idMax` once the sequence is used up. */
  next: bigint;
}

/**
 * The union of disjoint sets: ascending, with touching ranges merged.
 * @param sets disjoint ranges in any order
 * @param step distance between IDs of the sequence, at least 1
 * @returns one set
 */
export function union(sets: IdRange[], step: bigint): IdRange[] {
  const merged: IdRange[] = [];
  for (const range of [...sets].sort(ascending)) {
    const last = merged.at(-1);
    if (last && endOf(last, step) === range.first) last.count += range.count;
    else merged.push({ ...range });
  }
  return merged;
}

/**
 * The part of a set at or above `floor`, an ID of the sequence.
 * @param ranges a set
 * @param floor an ID of the sequence
 * @param step distance between IDs of the sequence, at least 1
 * @returns the part of the set from `floor` on
 */
export function above(ranges: IdRange[], floor: bigint, step: bigint): IdRange[] {
  return ranges.flatMap((range) => {
    const end = endOf(range, step);
    if (range.first >= floor) return [range];
    return end > floor ? [{ first: floor, count: (end - floor) / step }] : [];
  });
}

/**
 * Gives `ranges` back: free neighbours merge, and a free range that ends at `next` moves `next` back.
 * @param supply what is left to give
 * @param ranges disjoint ranges that are not in it
 * @param step distance between IDs of the sequence, at least 1
 * @returns the supply with them
 */
export function giveBack(supply: Supply, ranges: IdRange[], step: bigint): Supply {
  const free = union([...supply.free, ...ranges], step);
  const last = free.at(-1);
  if (last === undefined || endOf(last, step) !== supply.next) return { free, next: supply.next };
  free.pop();
  return { free, next: last.first };
}

/** Everything a supply holds, ascending: the free ranges, then the tail from `next` to the largest ID. */
function offers(supply: Supply, step: bigint): IdRange[] {
  if (supply.next > limits.idMax) return supply.free;
  return [...supply.free, { first: supply.next, count: (limits.idMax - supply.next) / step + 1n }];
}

/**
 * Chooses the ranges that cover `count` IDs, at most `rangesMax` of them.
 *
 * The lowest first; only the last may be taken in part. When the list is so fragmented that the last range allowed
 * cannot hold the rest, the lowest range that holds all of the rest closes the choice (the tail, as a rule), and what
 * lies between stays free for the next caller. Only near the end of the sequence can even the tail be too short: then
 * the largest ranges are chosen. So a set is refused as too fragmented only if no choice of `rangesMax` ranges exists.
 */
function choose(
  supply: Supply,
  count: bigint,
  step: bigint,
  rangesMax: number,
): IdRange[] | 'exhausted' | 'fragmented' {
  const all = offers(supply, step);
  if (countOf(all) < count) return 'exhausted';
  const chosen: IdRange[] = [];
  let rest = count;
  for (const [index, offer] of all.entries()) {
    if (rest === 0n) return chosen;
    const last = chosen.length === rangesMax - 1;
    const taken = last ? all.slice(index).find((candidate) => candidate.count >= rest) : offer;
    if (taken === undefined) return chooseLargest(all, count, rangesMax);
    const part = atMost(taken.count, rest);
    chosen.push({ first: taken.first, count: part });
    rest -= part;
  }
  return chosen;
}

function chooseLargest(all: IdRange[], count: bigint, rangesMax: number): IdRange[] | 'fragmented' {
  const chosen: IdRange[] = [];
  let rest = count;
  for (const offer of [...all].sort(largestFirst).slice(0, rangesMax)) {
    if (rest === 0n) break;
    const part = atMost(offer.count, rest);
    chosen.push({ first: offer.first, count: part });
    rest -= part;
  }
  return rest === 0n ? chosen.sort(ascending) : 'fragmented';
}

/**
 * Takes `count` IDs out of a supply, as at most `rangesMax` ranges in ascending order; see `choose` for which.
 * @returns the ranges and what is left, or why it cannot be: fewer IDs are left (`exhausted`), or only in more ranges
 * than allowed (`fragmented`).
 * @param supply what is left to give
 * @param count IDs wanted
 * @param step distance between IDs of the sequence, at least 1
 * @param rangesMax ranges that the answer may have
 */
export function take(
  supply: Supply,
  count: bigint,
  step: bigint,
  rangesMax: number,
): { taken: IdRange[]; left: Supply } | 'exhausted' | 'fragmented' {
  const taken = choose(supply, count, step, rangesMax);
  if (typeof taken === 'string') return taken;
  const byFirst = new Map(taken.map((range) => [range.first, range.count]));
  const free: IdRange[] = [];
  for (const range of supply.free) {
    const part = byFirst.get(range.first) ?? 0n;
    if (part < range.count) free.push({ first: range.first + part * step, count: range.count - part });
  }
  return { taken, left: { free, next: supply.next + (byFirst.get(supply.next) ?? 0n) * step } };
}

function atMost(count: bigint, bound: bigint): bigint {
  if (count < bound) return count;
  return bound;
}

function largestFirst(a: IdRange, b: IdRange): number {
  return a.count > b.count ? -1 : a.count < b.count ? 1 : ascending(a, b);
}
