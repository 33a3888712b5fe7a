/**
 * A trivial model of a sequence: sets of single IDs, no ranges, no strings, nothing clever. It says for every operation
 * what must come out. IDs are given to the lowest that are neither used nor held: that is all there is to know.
 */
import { limits } from '../../src/limits.ts';
import type { SequenceOperation } from '../../src/sequence/operations.ts';

export interface Held {
  attempt: number;
  ids: bigint[];
}

/** What an operation must answer: IDs, a number of IDs, or the code of its refusal. */
export type Expected = { ids: bigint[] } | { abandoned: bigint } | { refused: string };

export class SequenceModel {
  readonly start: bigint;
  readonly step: bigint;
  exists = false;
  /** First ID above all that were ever handed out or imported. */
  next: bigint;
  /** The largest imported ID: none up to it is ever handed out again. */
  imported = -1n;
  /** Committed: never to be handed out again. */
  readonly used = new Set<bigint>();
  readonly open = new Map<string, Held>();
  readonly committed = new Map<string, Held>();
  readonly released = new Map<string, number>();

  constructor(start: bigint, step: bigint) {
    this.start = start;
    this.step = step;
    this.next = start;
  }

  /** Below `next`, neither used nor held nor imported. */
  free(): bigint[] {
    const held = new Set([...this.open.values()].flatMap(({ ids }) => ids));
    const free: bigint[] = [];
    for (let id = this.start; id < this.next; id += this.step) {
      if (id > this.imported && !held.has(id) && !this.used.has(id)) free.push(id);
    }
    return free;
  }

  apply(operation: SequenceOperation): Expected {
    switch (operation.kind) {
      case 'reserve':
        return this.reserve(operation.owner, operation.attempt ?? 0, BigInt(operation.count));
      case 'commit':
        return this.commit(operation.owner, operation.attempt ?? 0);
      case 'release':
        return this.release(operation.owner, operation.attempt ?? 0);
      case 'raiseTo':
        return this.raiseTo(BigInt(operation.value));
      default:
        throw new Error(`not modelled: ${operation.kind}`);
    }
  }

  private reserve(owner: string, attempt: number, count: bigint): Expected {
    const held = this.open.get(owner) ?? this.committed.get(owner);
    if (this.open.has(owner) && held && attempt < held.attempt) return { refused: 'SequenceConflict' };
    if (held && BigInt(held.ids.length) !== count) return { refused: 'SequenceConflict' };
    if (held) {
      if (this.open.has(owner)) held.attempt = attempt;
      return { ids: held.ids };
    }
    if (attempt <= (this.released.get(owner) ?? -1)) return { refused: 'SequenceConflict' };
    const ids = this.free().slice(0, Number(count));
    let next = this.next;
    for (; BigInt(ids.length) < count && next <= limits.idMax; next += this.step) ids.push(next);
    if (BigInt(ids.length) < count) return { refused: 'SequenceExhausted' };
    this.exists = true;
    this.next = next;
    this.open.set(owner, { attempt, ids });
    this.released.delete(owner);
    return { ids };
  }

  private commit(owner: string, attempt: number): Expected {
    const before = this.committed.get(owner);
    if (before) return { ids: before.ids };
    const held = this.open.get(owner);
    if (!held || attempt < held.attempt) return { refused: 'SequenceConflict' };
    this.open.delete(owner);
    this.committed.set(owner, held);
    for (const id of held.ids) this.used.add(id);
    return { ids: held.ids };
  }

  private release(owner: string, attempt: number): Expected {
    if (!this.exists) return { ids: [] };
    if (this.committed.has(owner)) return { refused: 'SequenceConflict' };
    const held = this.open.get(owner);
    if (held && attempt < held.attempt) return { refused: 'SequenceConflict' };
    this.open.delete(owner);
    this.released.set(owner, Math.max(attempt, this.released.get(owner) ?? 0));
    this.lowerNext();
    return { ids: held?.ids ?? [] };
  }

  /** The sequence ends after its highest ID that is used or held. */
  private lowerNext(): void {
    const free = new Set(this.free());
    while (free.has(this.next - this.step)) this.next -= this.step;
  }

  private raiseTo(value: bigint): Expected {
    this.exists = true;
    const before = this.free().length;
    if (value > this.imported) this.imported = value;
    const abandoned = before - this.free().length;
    while (this.next <= value) this.next += this.step;
    return { abandoned: BigInt(abandoned) };
  }
}
