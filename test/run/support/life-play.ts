/**
 * Plays a script in a simulated world: clients who start, cancel, start again and look, operators, sweeps, arrivals, and
 * faults all the while; then the world comes to rest, and everything that was published and promised is checked. Used
 * by `long-life.ts`. Whatever breaks a guarantee is thrown.
 */
import { underLimits } from '../../support/limits.ts';
import { LifeRest } from './life-rest.ts';
import type { Operation } from './life-script.ts';
import { judgeOther, type Story } from './life-story.ts';
import type { Start } from './life-world.ts';
import type { Published } from './published.ts';
import type { Sim } from './sim.ts';
import { lifeOf, type SimInstance } from './sim-host.ts';

type Cross = Extract<Operation, { do: 'cross' }>;

/** The phase in which a life writes what it may have to remove. */
const phaseOf: Record<string, string> = {
  ...{ plan: 'split', split: 'split', resolved: 'resolve', keyDelta: 'resolve' },
  ...{ ids: 'seal', sealed: 'seal', part: 'publish', published: 'publish' },
};

/** A start without further ado. */
const plain = { do: 'start', files: [3], by: 'prefix', racers: [], rivals: [], steps: 0 } satisfies Partial<Start>;

export interface Played {
  sim: Sim;
  published: Map<string, Published>;
  /** How many executions of runs came to each end. */
  ends: Record<string, number>;
}

export class Play extends LifeRest {
  async live({ verify }: { verify: boolean }): Promise<Played> {
    // With one file a document, runs have their files in many of them.
    return await underLimits(this.script.manyFiles ? { filesPerDocumentMax: 1 } : {}, async () => {
      for (const operation of this.script.operations) {
        await this.#do(operation);
        await this.take(operation.steps);
      }
      const published = await this.rest(verify);
      return { sim: this.sim, published, ends: this.ends };
    });
  }

  async #do(operation: Operation): Promise<void> {
    const { sim } = this;
    sim.steps.log?.(`operation ${JSON.stringify(operation)}`);
    switch (operation.do) {
      case 'start':
        return this.start(operation);
      case 'cross':
        return this.#cross(operation);
      case 'look':
        return this.#look(this.pick(operation.run, [...this.stories.values()]));
      case 'withdraw':
        return this.#withdraw(this.#toWithdraw(operation));
      case 'sweep':
        sim.workers.note('a sweep beside runs');
        void sim.clients.sweep().then((done) => done || sim.workers.note('a sweep that is cut short'));
        return;
      case 'jump':
        sim.workers.note('time that passes at once');
        sim.steps.now += operation.ms;
        return;
      case 'clock': {
        const worker = Math.floor(operation.worker * sim.workers.clocks.length);
        const before = sim.workers.clocks[worker]!;
        sim.workers.note(operation.ms < before ? 'a clock that goes back' : 'a clock that goes ahead');
        sim.workers.clocks[worker] = operation.ms;
        return;
      }
      case 'kill':
        sim.workers.note('a worker that dies');
        sim.workers.kill(Math.floor(operation.worker * sim.workers.environments.length));
        return;
      case 'arrive':
        return this.#arrive(operation);
    }
  }

  /** Ends a life while one of its requests is held back, and starts the run again. */
  async #cross(operation: Cross): Promise<void> {
    const { sim } = this;
    // Only what refuses rows has a file of them.
    const refusing = operation.holds[0] === 'part:write';
    const alive = () =>
      [...this.stories.values()]
        .filter(({ pipeline }) => !refusing || pipeline === 'audit')
        .filter(({ id }) => this.newest(id)?.status === 'Running');
    if (alive().length === 0) {
      await this.start({ ...plain, pipeline: refusing ? 'audit' : operation.pipeline });
      await this.until(() => alive().length > 0, 200);
    }
    const story = this.pick(operation.run, alive());
    const instance = story && this.newest(story.id);
    if (!story || !instance) return;
    const life = lifeOf(instance.id);
    // The life is ended when the first of them is held; the others may be held before or after.
    let isHeld = operation.holds.length === 0;
    for (const [i, request] of operation.holds.entries()) {
      const held = () => {
        isHeld ||= i === 0;
      };
      sim.workers.crossings.holds.push({ run: story.id, life, request, held });
    }
    // What a life removes, it removes after its end.
    const isUndone = operation.holds[0]?.endsWith(':remove') === true;
    if (isUndone) await this.#comeTo(instance, operation.holds[0]!);
    else await this.until(() => isHeld || instance.status !== 'Running', 800);
    const wasTold = await this.#end(story, instance, life, operation.end);
    if (isUndone) await this.until(() => isHeld, 500);
    await this.take(operation.pause);
    if (operation.beside) await this.start({ ...plain, pipeline: operation.pipeline });
    if (operation.change) {
      sim.workers.note('a source that is changed between two lives');
      await this.#change(story);
    }
    sim.workers.note('a run that is started again');
    story.owed = false;
    const { ends } = story;
    const answer = this.post(story, story.accepted[0] ?? story.ask, operation.again === 'restart');
    void answer.then((given) => {
      // An answer that comes after the client has asked for the next end promises nothing any more.
      if (given && given.status < 300 && wasTold && story.ends === ends) story.owed = true;
    });
  }

  /** A life that has written what is to be removed later. */
  async #comeTo(instance: SimInstance, removal: string): Promise<void> {
    const phase = phaseOf[removal.split(':')[0]!];
    const isThere = () => instance.customStatus?.phase === phase || instance.status !== 'Running';
    await this.until(isThere, 800);
    await this.take(Math.floor(this.sim.random() * 40));
  }

  /** True when a client was told by the API that the run is ended. */
  async #end(story: Story, instance: SimInstance, life: number, by: Cross['end']): Promise<boolean> {
    const { sim } = this;
    story.owed = false;
    story.ends++;
    if (by !== 'fail') story.ended.add(instance.id);
    if (by === 'fail') {
      sim.workers.doomed.add(`${story.id} ${life}`);
      await this.until(() => instance.status !== 'Running', 1500);
      sim.workers.doomed.delete(`${story.id} ${life}`);
      return false;
    }
    if (by === 'cancel') {
      sim.workers.note('a run that is cancelled');
      const answer = await this.answered(sim.clients.ask('POST', `runs/${story.id}/cancel`));
      if (answer && answer.status < 400) return true;
      const isExpected = answer === undefined || answer.status === 404 || answer.body.code === 'RunIsPublishing';
      if (!isExpected) judgeOther('cancel', story.id, answer);
    }
    sim.workers.note('a run that an operator ends');
    if (sim.random() < 0.5) sim.host.end(instance.id, 'ended by an operator, at once');
    else void sim.clients.runs.terminate(instance.id, 'ended by an operator');
    return false;
  }

  /** Other rows under the same names, for all runs that are over them. */
  async #change(story: Story): Promise<void> {
    const blobsOf = ({ accepted, ask }: Story) => (accepted[0] ?? ask).blobs;
    const blobs = blobsOf(story);
    const over = [...this.stories.values()].filter((one) => blobsOf(one).some((blob) => blobs.includes(blob)));
    const changed = () => {
      for (const one of over) one.changedAt = this.sim.now;
    };
    changed();
    const prefix = blobs[0]!.replace(/[^/]*$/, '');
    await this.upload(
      prefix,
      blobs.map(() => 1 + Math.floor(this.rows() * 4)),
    );
    changed();
  }

  #toWithdraw({ run, newest }: Extract<Operation, { do: 'withdraw' }>): Story | undefined {
    const all = [...this.stories.values()];
    if (!newest) return this.pick(run, all);
    const published = all.filter(({ id }) => this.newest(id)?.status === 'Completed');
    return published.at(-1 - Math.floor(run ** 3 * published.length));
  }

  /** An operator takes a run back, if it has published and nobody may use its keys. */
  async #withdraw(story: Story | undefined): Promise<void> {
    if (!story) return;
    const answer = await this.answered(this.sim.clients.ask('POST', `runs/${story.id}/withdraw`));
    if (answer?.status === 404 || answer?.body.code === 'RunInUse') return;
    // Without an answer, or with an error of a fault, the withdrawal may have begun: the operator asks again at the end.
    story.withdrawn = true;
    if (answer?.status === 202) this.sim.workers.note('a run that is withdrawn');
    else if (answer) judgeOther('withdraw', story.id, answer);
  }

  #look(story: Story | undefined): void {
    if (!story) return;
    const known = story.accepted.length > 0;
    for (const path of [`runs/${story.id}`, `runs/${story.id}/outcome`, 'runs']) {
      void this.sim.clients.ask('GET', path).then((answer) => {
        if (!answer || (answer.status === 404 && !known)) return;
        // The outcome of a run that failed or was ended is a 500 with the run in it.
        if (answer.status === 500 && 'run' in answer.body) return;
        this.watch(() => judgeOther(`GET ${path} of`, story.id, answer));
      });
    }
  }

  async #arrive({ pipeline, rows, events }: Extract<Operation, { do: 'arrive' }>): Promise<void> {
    const [blob] = await this.upload(`${pipeline}/b${++this.names}/`, [rows]);
    const { etag } = (await this.sim.store.head('landing', blob!))!;
    this.arrived.push({ pipeline, blob: blob!, etag });
    for (const [i, delay] of events.entries()) {
      this.sim.workers.note(i === 0 ? 'a blob that arrives' : 'an event that comes twice');
      this.sim.steps.later('event', () => this.sim.clients.arrive(pipeline, blob!), delay);
    }
  }
}
