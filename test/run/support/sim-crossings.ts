/**
 * Lives of one run ID that meet: which life each storage request belongs to, requests that are held back until a newer
 * life has come past them, and how often an old life's request landed after the newer one's same step. Used by
 * `sim-workers.ts`; it changes nothing in the store.
 */
import type { FaultPoint } from '../../support/faults.ts';
import type { Steps } from './sim-steps.ts';

/** Whose a request is. `life` counts the lives of a run ID from 1. */
export interface Owner {
  run: string;
  life: number;
}

/** A request to be held back: the first one of this kind that a life makes. */
export interface Hold extends Owner {
  /** `<kind>:<operation>`. */
  request: string;
  /** Called once it is held. */
  held: () => void;
}

interface Held extends Owner {
  step: string;
  release: (delay: number) => void;
}

/** The request without its moment: `ids:write`. */
export function requestOf({ kind, operation }: FaultPoint): string {
  return `${kind}:${operation}`;
}

/**
 * What two lives of a run both do: the same kind of request on the same name, but for the life in it. A removal's
 * counterpart is the newer life's writing of that name.
 */
export function stepOf({ kind, operation, name }: FaultPoint, run: string): string {
  const what = operation === 'remove' || operation === 'commit' ? 'write' : operation;
  return `${kind}:${what}:${withoutLife(name, run)}`;
}

/** A blob's name as it would be in the first life. */
function withoutLife(name: string, run: string): string {
  const folder = /^(?:runs|lives)\//.exec(name)?.[0];
  if (folder && name.startsWith(`${run}/`, folder.length)) {
    return folder + run + name.slice(folder.length + run.length).replace(/^\/\d+/, '');
  }
  const at = name.indexOf(`${run}~`);
  if (at < 0) return name;
  const end = at + run.length;
  return name.slice(0, end) + name.slice(end).replace(/^~\d+/, '');
}

export class Crossings {
  /** By kind of request: how many were made for runs. */
  readonly made = new Map<string, number>();
  /** By kind of request: how often an old life's landed after the newer life's same step. */
  readonly counts = new Map<string, number>();
  /** The same, of executions of one life of which another had come past already. */
  readonly again = new Map<string, number>();
  holds: Hold[] = [];
  readonly #held: Held[] = [];
  readonly #steps: Steps;
  /** The newest life that has done a step, by run and step. */
  readonly #done = new Map<string, number>();

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Resolves at once, or when the request that is to be held may land. `onHold` is called when it is held. */
  async wait(point: FaultPoint, owner: Owner, onHold: () => void): Promise<void> {
    const request = requestOf(point);
    const hold = this.holds.find((one) => one.run === owner.run && one.life === owner.life && one.request === request);
    if (!hold) return;
    this.holds = this.holds.filter((one) => one !== hold);
    hold.held();
    onHold();
    const step = stepOf(point, owner.run);
    await new Promise<void>((resolve) => {
      const release = (delay: number) => this.#steps.later(`late ${request}`, resolve, delay);
      this.#held.push({ ...owner, step, release });
    });
  }

  get heldN() {
    return this.#held.length;
  }
  /** A request is about to take effect. */
  lands(point: FaultPoint, { run, life }: Owner): void {
    if (run === '') return;
    const request = requestOf(point);
    this.made.set(request, (this.made.get(request) ?? 0) + 1);
    const newest = this.#done.get(`${run} ${stepOf(point, run)}`);
    if (newest === undefined) return;
    if (newest > life) this.counts.set(request, (this.counts.get(request) ?? 0) + 1);
    else if (newest === life) this.again.set(request, (this.again.get(request) ?? 0) + 1);
  }

  /** A request took effect: what an older life was held back with at the same step may follow now. */
  done(point: FaultPoint, { run, life }: Owner): void {
    // A removal is not the step that others wait for.
    if (run === '' || point.operation === 'remove') return;
    const step = stepOf(point, run);
    const key = `${run} ${step}`;
    this.#done.set(key, Math.max(life, this.#done.get(key) ?? 0));
    for (const held of this.#held.filter((one) => one.run === run && one.step === step && one.life < life)) {
      this.#held.splice(this.#held.indexOf(held), 1);
      held.release(this.#delay());
    }
  }

  /** Steps until a request that was held back lands: often at once, when what it meets has just been written. */
  #delay(): number {
    return Math.floor(this.#steps.random() * (this.#steps.random() < 0.5 ? 4 : 100));
  }

  /** Whatever is held back may land, and nothing more is held. */
  releaseAll(): void {
    this.holds = [];
    for (const held of this.#held.splice(0)) held.release(this.#delay());
  }
}
