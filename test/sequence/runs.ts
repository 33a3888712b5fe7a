/**
 * A world of runs that need leases: each takes the leases of its entities one after the other, works, and gives them
 * back. Runs die at any point and may come back as a new life; messages arrive twice or late. Every step is checked.
 */
import assert from 'node:assert/strict';
import type { LeaseOperation, LeaseResult, LeaseState } from '../../src/sequence/lease.ts';

export type ReduceLease = (
  state: LeaseState | undefined,
  operation: unknown,
) => { state: LeaseState | undefined; result: LeaseResult };

/** What the world lets happen next: one step of a run, its death, its return, or an old message once more. */
export type Happening =
  | { kind: 'step'; run: number }
  | { kind: 'die'; run: number }
  | { kind: 'return'; run: number }
  | { kind: 'repeat'; back: number };

interface Run {
  owner: string;
  needs: string[];
  /** Which life of the run this is. */
  attempt: number;
  status: 'running' | 'dead' | 'done';
  /** Leases that this life has been granted and has not given back, with the term of the grant. */
  holds: Map<string, number>;
  /** Whether it ever died, and so may have lost its place in a line. */
  died: boolean;
}

interface Message {
  lease: string;
  operation: LeaseOperation;
}

export class World {
  readonly runs: Run[];
  private readonly reduce: ReduceLease;
  private readonly texts = new Map<string, string>();
  private readonly sent: Message[] = [];
  /** For each lease the runs in the order of their first request, and in the order of their grants. */
  private readonly asked = new Map<string, string[]>();
  private readonly granted = new Map<string, string[]>();
  private readonly terms = new Map<string, number>();

  /** @param needs for each run the leases it takes, in the order in which it takes them. */
  constructor(reduce: ReduceLease, needs: string[][]) {
    this.reduce = reduce;
    this.runs = needs.map((leases, index) => ({
      owner: `run-${index}`,
      needs: leases,
      attempt: 1,
      status: 'running',
      holds: new Map(),
      died: false,
    }));
  }

  happen(happening: Happening): void {
    if (happening.kind === 'repeat') {
      const message = this.sent.at(-1 - (happening.back % Math.max(1, this.sent.length)));
      if (message) this.deliver(message);
    } else {
      const run = this.runs[happening.run % this.runs.length]!;
      if (happening.kind === 'step' && run.status === 'running') this.step(run);
      if (happening.kind === 'die' && run.status === 'running')
        Object.assign(run, { status: 'dead', died: true, holds: new Map() });
      if (happening.kind === 'return' && run.status === 'dead')
        Object.assign(run, { status: 'running', attempt: run.attempt + 1 });
    }
    this.check();
  }

  /** Lets every running run go on in turn, nothing else happening, until all are done or `rounds` are over. */
  settle(rounds: number): boolean {
    for (let round = 0; round < rounds; round++) {
      for (let run = 0; run < this.runs.length; run++) this.happen({ kind: 'step', run });
      if (this.runs.every(({ status }) => status !== 'running')) return true;
    }
    return false;
  }

  /** One poll of a waiting run, or the end of the work of one that has all it needs. */
  private step(run: Run): void {
    const { owner, attempt } = run;
    const lease = run.needs.find((name) => !run.holds.has(name));
    if (lease === undefined) {
      for (const name of run.holds.keys()) this.send({ lease: name, operation: { kind: 'release', owner, attempt } });
      Object.assign(run, { status: 'done', holds: new Map() });
      return;
    }
    note(this.asked, lease, owner);
    const answer = this.send({ lease, operation: { kind: 'acquire', owner, attempt } });
    if (answer.granted) {
      assert.ok(answer.term > (this.terms.get(lease) ?? 0), 'every grant has a higher term');
      this.terms.set(lease, answer.term);
      run.holds.set(lease, answer.term);
      note(this.granted, lease, owner);
      return;
    }
    const holder = this.runs.find((other) => other.owner === answer.holder)!;
    if (holder.status !== 'running' && answer.holderAttempt === holder.attempt) {
      this.send({ lease, operation: { kind: 'evict', holder: holder.owner, attempt: holder.attempt, owner } });
    } else if (answer.holderAttempt! < holder.attempt) {
      this.send({ lease, operation: { kind: 'evict', holder: holder.owner, attempt: answer.holderAttempt!, owner } });
    }
  }

  private send(message: Message) {
    this.sent.push(message);
    const answer = this.deliver(message);
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer;
  }

  private deliver({ lease, operation }: Message): LeaseResult {
    const text = this.texts.get(lease);
    const { state, result } = this.reduce(text === undefined ? undefined : JSON.parse(text), operation);
    if (state !== undefined) this.texts.set(lease, JSON.stringify(state));
    return result;
  }

  /** Nobody holds what another holds, the lease knows its holder, and those who never died were served in order. */
  private check(): void {
    for (const [lease, text] of this.texts) {
      const { line, term } = JSON.parse(text) as LeaseState;
      const holders = this.runs.filter((run) => run.holds.has(lease));
      assert.ok(holders.length <= 1, `${holders.map(({ owner }) => owner).join(' and ')} hold ${lease}`);
      for (const { owner, attempt, holds } of holders) {
        assert.deepEqual([line[0], term], [{ owner, attempt }, holds.get(lease)], 'the lease knows its holder');
      }
      const steady = (owner: string) => !this.runs.find((run) => run.owner === owner)!.died;
      const served = (this.granted.get(lease) ?? []).filter(steady);
      const asked = (this.asked.get(lease) ?? []).filter(steady);
      assert.deepEqual(served, asked.slice(0, served.length), `${lease} is served in order`);
    }
  }
}

function note(log: Map<string, string[]>, lease: string, owner: string): void {
  const known = log.get(lease) ?? [];
  if (!known.includes(owner)) log.set(lease, [...known, owner]);
}
