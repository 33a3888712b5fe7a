/** A store whose host dies at a given commit, and the world around it. */
import { type Change, isTerminal } from '../src/engine/model.ts';
import type { Committed, Store } from '../src/store/store.ts';
import type { World } from './harness.ts';

class Crash extends Error {}

/** A store whose host dies at its `fatal`-th commit: before it is applied, or right after. */
export class MortalStore implements Store {
  commits = 0;
  private readonly inner: Store;
  private readonly fatal: number;
  private readonly when: 'before' | 'after';

  constructor(inner: Store, fatal: number, when: 'before' | 'after') {
    this.inner = inner;
    this.fatal = fatal;
    this.when = when;
  }

  get dead(): boolean {
    return this.commits >= this.fatal;
  }

  commit(changes: readonly Change[]): Committed {
    if (this.dead) throw new Crash();
    this.commits++;
    if (this.dead && this.when === 'before') throw new Crash();
    const committed = this.inner.commit(changes);
    if (this.dead) throw new Crash();
    return committed;
  }

  instance = (...args: Parameters<Store['instance']>) => this.inner.instance(...args);
  instances = (...args: Parameters<Store['instances']>) => this.inner.instances(...args);
  history = (...args: Parameters<Store['history']>) => this.inner.history(...args);
  entity = (...args: Parameters<Store['entity']>) => this.inner.entity(...args);
  entities = (...args: Parameters<Store['entities']>) => this.inner.entities(...args);
  inbox = (...args: Parameters<Store['inbox']>) => this.inner.inbox(...args);
  waitingTargets = () => this.inner.waitingTargets();
  pendingWork = () => this.inner.pendingWork();
  hasWork = (seq: number) => this.inner.hasWork(seq);
  timer = (name: string) => this.inner.timer(name);
  close = () => {};
}

/** Runs until the instance has ended or the store has died. */
export async function runUntilDeath(world: World, store: MortalStore, id: string): Promise<void> {
  for (let steps = 0; !store.dead; steps++) {
    if (steps === 2000) throw new Error(`${id} does not come to an end: ${world.log.slice(-3).join('\n')}`);
    await world.flush();
    const record = store.instance(id);
    if (store.dead || record === undefined || isTerminal(record.status)) return;
    if (!world.clock.step(Number.POSITIVE_INFINITY)) return;
  }
}
