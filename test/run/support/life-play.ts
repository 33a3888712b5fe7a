/**
 * Plays a script in a simulated world: clients who start, cancel, start again and look, operators, sweeps, arrivals, and
 * faults all the while; then the world comes to rest, and everything that was published and promised is checked. Used
 * by `long-life.ts`. Whatever breaks a guarantee is thrown.
 */
import assert from 'node:assert/strict';
import { RUN_ORCHESTRATION } from '../../../src/lives/names.ts';
import { lifeId } from '../../../src/storage/names.ts';
import { checkWorld } from './check.ts';
import type { Operation, Script } from './life-script.ts';
import {
  type Ask,
  judgeEnd,
  judgeOther,
  judgePublished,
  judgeRest,
  judgeStart,
  type StartBody,
  type Story,
} from './life-story.ts';
import type { Published } from './published.ts';
import { lifePipelines, someRows, upload } from './shop.ts';
import { Sim } from './sim.ts';
import type { Answer } from './sim-clients.ts';
import { lifeOf, runOf, type SimInstance } from './sim-host.ts';
import { mulberry32 } from './sim-steps.ts';
import { calm } from './sim-workers.ts';

/** Once faults have stopped, everything ends within so many steps. */
const REST_STEPS_MAX = 40_000;
const HOUR_MS = 3_600_000;
/** Times after the end at which the sweep comes: blocks that nobody committed are gone after a week. */
const SWEEP_HOURS = [2, 30, 24 * 9, 24 * 45];

type Cross = Extract<Operation, { do: 'cross' }>;
type Start = Extract<Operation, { do: 'start' }>;

/** The phase in which a life writes what it may have to remove. */
const phaseOf: Record<string, string> = {
  ...{ plan: 'split', split: 'split', resolved: 'resolve', keyDelta: 'resolve' },
  ...{ ids: 'seal', sealed: 'seal', part: 'publish', published: 'publish' },
};

/** A start without further ado. */
const plain = { do: 'start', files: [3], by: 'prefix', racers: [], steps: 0 } satisfies Partial<Start>;

export interface Played {
  sim: Sim;
  published: Map<string, Published>;
  /** How many executions of runs came to each end. */
  ends: Record<string, number>;
}

export class Play {
  readonly sim: Sim;
  readonly script: Script;
  readonly ends: Record<string, number> = {};
  readonly #stories = new Map<string, Story>();
  readonly #arrived: { pipeline: string; blob: string; etag: string }[] = [];
  /** Rows have a chance of their own: what requests are made does not change them. */
  readonly #rows: () => number;
  #names = 0;
  #keys = 6;

  constructor(script: Script) {
    this.script = script;
    const { schedule, chaos, workers, seed } = script;
    this.#rows = mulberry32(seed + 77);
    this.sim = new Sim(lifePipelines, { seed: schedule, chaos, workers, batchRows: 3, partRows: 6 });
    this.sim.clients.endStepsMax = script.endSteps;
    this.sim.host.onEnd = (instance) => {
      if (instance.name === RUN_ORCHESTRATION) this.ends[instance.status] = (this.ends[instance.status] ?? 0) + 1;
      const isOutlived = this.#newest(runOf(instance.id)) !== instance;
      this.#watch(() => judgeEnd(instance, this.#stories.get(runOf(instance.id)), isOutlived));
    };
  }

  async live({ verify }: { verify: boolean }): Promise<Played> {
    for (const operation of this.script.operations) {
      await this.#do(operation);
      await this.#take(operation.steps);
    }
    const published = await this.#rest(verify);
    return { sim: this.sim, published, ends: this.ends };
  }

  async #do(operation: Operation): Promise<void> {
    const { sim } = this;
    sim.steps.log?.(`operation ${JSON.stringify(operation)}`);
    switch (operation.do) {
      case 'start':
        return this.#start(operation);
      case 'cross':
        return this.#cross(operation);
      case 'look':
        return this.#look(this.#pick(operation.run, [...this.#stories.values()]));
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

  async #start({ pipeline, files, by, racers }: Start): Promise<void> {
    const id = `r${String(++this.#names).padStart(2, '0')}`;
    const ask = await this.#source(id, `${pipeline}/${id}/`, files, by);
    const story: Story = { id, pipeline, ask, asked: [], accepted: [], changedAt: 0, ended: new Set(), owed: false };
    this.#stories.set(id, story);
    const asks = [ask];
    for (const [i, racer] of racers.entries()) {
      this.sim.workers.note(racer === 'same' ? 'a racing start, the same' : 'a racing start of another source');
      asks.push(racer === 'same' ? ask : await this.#source(id, `${pipeline}/${id}-${i}/`, [2], by));
    }
    for (const one of asks) void this.#post(story, one);
  }

  async #source(runId: string, prefix: string, files: number[], by: Start['by']): Promise<Ask> {
    const blobs = await this.#upload(prefix, files);
    const named: Omit<StartBody, 'runId'> =
      by === 'prefix' ? { prefix } : by === 'blobs' ? { blobs } : { glob: `${prefix}*.parquet` };
    return { body: { runId, ...named }, blobs };
  }

  #upload(prefix: string, files: readonly number[]): Promise<string[]> {
    this.#keys++;
    return upload(
      this.sim,
      prefix,
      files.map((rows) => someRows(this.#rows, rows, this.#keys)),
    );
  }

  async #post(story: Story, ask: Ask, isRestart = false): Promise<Answer | undefined> {
    story.asked.push(ask);
    const path = isRestart ? `runs/${story.id}/restart` : `pipelines/${story.pipeline}/runs`;
    const answer = await this.sim.clients.ask('POST', path, isRestart ? undefined : ask.body);
    if (answer)
      this.#watch(() => (isRestart ? judgeOther('restart', story.id, answer) : judgeStart(story, ask, answer)));
    return answer;
  }

  /** Ends a life while one of its requests is held back, and starts the run again. */
  async #cross(operation: Cross): Promise<void> {
    const { sim } = this;
    // Only what refuses rows has a file of them.
    const refusing = operation.holds[0] === 'part:write';
    const alive = () =>
      [...this.#stories.values()]
        .filter(({ pipeline }) => !refusing || pipeline === 'audit')
        .filter(({ id }) => this.#newest(id)?.status === 'Running');
    if (alive().length === 0) {
      await this.#start({ ...plain, pipeline: refusing ? 'audit' : operation.pipeline });
      await this.#until(() => alive().length > 0, 200);
    }
    const story = this.#pick(operation.run, alive());
    const instance = story && this.#newest(story.id);
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
    else await this.#until(() => isHeld || instance.status !== 'Running', 800);
    const wasTold = await this.#end(story, instance, life, operation.end);
    if (isUndone) await this.#until(() => isHeld, 500);
    await this.#take(operation.pause);
    if (operation.beside) await this.#start({ ...plain, pipeline: operation.pipeline });
    if (operation.change) {
      sim.workers.note('a source that is changed between two lives');
      await this.#change(story);
    }
    sim.workers.note('a run that is started again');
    story.owed = false;
    const answer = this.#post(story, story.accepted[0] ?? story.ask, operation.again === 'restart');
    void answer.then((given) => {
      if (given?.status === 202 && wasTold) story.owed = true;
    });
  }

  /** A life that has written what is to be removed later. */
  async #comeTo(instance: SimInstance, removal: string): Promise<void> {
    const phase = phaseOf[removal.split(':')[0]!];
    const isThere = () => instance.customStatus?.phase === phase || instance.status !== 'Running';
    await this.#until(isThere, 800);
    await this.#take(Math.floor(this.sim.random() * 40));
  }

  /** True when a client was told by the API that the run is ended. */
  async #end(story: Story, instance: SimInstance, life: number, by: Cross['end']): Promise<boolean> {
    const { sim } = this;
    story.owed = false;
    if (by !== 'fail') story.ended.add(instance.id);
    if (by === 'fail') {
      sim.workers.doomed.add(`${story.id} ${life}`);
      await this.#until(() => instance.status !== 'Running', 1500);
      sim.workers.doomed.delete(`${story.id} ${life}`);
      return false;
    }
    if (by === 'cancel') {
      sim.workers.note('a run that is cancelled');
      const answer = await this.#answered(sim.clients.ask('POST', `runs/${story.id}/cancel`));
      if (answer && answer.status < 400) return true;
      const isExpected = answer === undefined || answer.status === 404 || answer.body.code === 'RunIsPublishing';
      if (!isExpected) judgeOther('cancel', story.id, answer);
    }
    sim.workers.note('a run that an operator ends');
    if (sim.random() < 0.5) sim.host.end(instance.id, 'ended by an operator, at once');
    else void sim.clients.runs.terminate(instance.id, 'ended by an operator');
    return false;
  }

  /** Other rows under the same names. */
  async #change(story: Story): Promise<void> {
    story.changedAt = this.sim.now;
    const { blobs } = story.accepted[0] ?? story.ask;
    const prefix = blobs[0]!.replace(/[^/]*$/, '');
    await this.#upload(
      prefix,
      blobs.map(() => 1 + Math.floor(this.#rows() * 4)),
    );
    story.changedAt = this.sim.now;
  }

  #look(story: Story | undefined): void {
    if (!story) return;
    const known = story.accepted.length > 0;
    for (const path of [`runs/${story.id}`, `runs/${story.id}/outcome`, 'runs']) {
      void this.sim.clients.ask('GET', path).then((answer) => {
        if (!answer || (answer.status === 404 && !known)) return;
        // The outcome of a run that failed or was ended is a 500 with the run in it.
        if (answer.status === 500 && 'run' in answer.body) return;
        this.#watch(() => judgeOther(`GET ${path} of`, story.id, answer));
      });
    }
  }

  async #arrive({ pipeline, rows, events }: Extract<Operation, { do: 'arrive' }>): Promise<void> {
    const [blob] = await this.#upload(`${pipeline}/b${++this.#names}/`, [rows]);
    const { etag } = (await this.sim.store.head('landing', blob!))!;
    this.#arrived.push({ pipeline, blob: blob!, etag });
    for (const [i, delay] of events.entries()) {
      this.sim.workers.note(i === 0 ? 'a blob that arrives' : 'an event that comes twice');
      this.sim.steps.later('event', () => this.sim.clients.arrive(pipeline, blob!), delay);
    }
  }

  /** Faults stop, everything that runs ends, whatever failed is started again, the sweep has come; then all is checked. */
  async #rest(verify: boolean): Promise<Map<string, Published>> {
    const { sim } = this;
    Object.assign(sim.chaos, calm);
    sim.workers.clocks.fill(0);
    sim.workers.doomed.clear();
    // What is held back lands when its step has come, and the rest at last.
    sim.workers.crossings.holds = [];
    await this.#settle('once faults stop, every run ends');
    sim.workers.crossings.releaseAll();
    await this.#settle('what was held back lands');
    for (const story of this.#stories.values()) judgeRest(story, this.#newest(story.id));
    for (const story of this.#stories.values()) await this.#finish(story);
    await this.#settle('every run that is started again ends');
    for (const { id } of this.#runs()) {
      if (this.#newest(runOf(id))?.status === 'Completed') continue;
      const answer = await this.#answered(sim.clients.ask('POST', `runs/${runOf(id)}/restart`));
      assert.equal(answer?.status, 202, `${id} is started again: ${JSON.stringify(answer)}`);
    }
    await this.#settle('every run that is started again ends');
    for (const { id } of this.#runs()) {
      const { status, error } = this.#newest(runOf(id))!;
      assert.equal(status, 'Completed', `${id}, started again when faults had stopped: ${error}`);
    }
    for (const hours of SWEEP_HOURS) {
      sim.steps.now += hours * HOUR_MS;
      assert.equal(await this.#answered(sim.clients.sweep()), true, 'a sweep without faults is complete');
      await this.#settle('what the sweep began ends');
    }
    const published = await checkWorld(sim, { verify });
    for (const story of this.#stories.values()) judgePublished(story, published.get(story.id));
    this.#checkArrived(published);
    this.#checkWork(published);
    return published;
  }

  /** Nothing is left of work in progress, and no keys of a life that did not publish. */
  #checkWork(published: ReadonlyMap<string, Published>): void {
    assert.deepEqual(this.sim.store.names('ordinal', 'runs/'), [], 'no work in progress is left');
    const owners = new Set([...published.values()].map(({ manifest }) => lifeId(manifest)));
    const deltas = this.sim.store.names('ordinal', 'keys/').filter((name) => {
      const owner = /\/delta-([^/]+)\.keys$/.exec(name)?.[1];
      return owner !== undefined && !owners.has(owner);
    });
    assert.deepEqual(deltas, [], 'no keys are left of a life that did not publish');
  }

  /** The client asks once more, as it asked first; of starts that raced, one was taken. */
  async #finish(story: Story): Promise<void> {
    const asks = story.accepted.length > 0 ? [story.accepted[0]!] : [...new Set(story.asked)];
    for (const ask of asks) {
      const answer = await this.#answered(this.#post(story, ask));
      if (answer?.status === 202) return;
    }
    assert.fail(`${story.id}: no start of it is accepted when faults have stopped`);
  }

  /** Each version of a blob that arrived is in one run. */
  #checkArrived(published: ReadonlyMap<string, Published>): void {
    for (const { pipeline, blob, etag } of this.#arrived) {
      const of = [...published.values()].filter(
        ({ manifest }) => manifest.pipeline === pipeline && manifest.inputs.some((input) => input.etag === etag),
      );
      assert.equal(of.length, 1, `${blob} arrived, and is in one run: ${of.map(({ manifest }) => manifest.runId)}`);
    }
  }

  #runs(): SimInstance[] {
    return [...this.sim.instances.values()].filter(({ name }) => name === RUN_ORCHESTRATION);
  }

  /** The newest life of a run. */
  #newest(run: string): SimInstance | undefined {
    const lives = this.#runs().filter(({ id }) => runOf(id) === run);
    return lives.reduce<SimInstance | undefined>((a, b) => (a && lifeOf(a.id) > lifeOf(b.id) ? a : b), undefined);
  }

  #pick<T>(at: number, items: readonly T[]): T | undefined {
    return items[Math.floor(at * items.length)];
  }

  async #take(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.sim.steps.busy; step++) await this.sim.step();
  }

  async #until(done: () => boolean, stepsMax: number): Promise<void> {
    for (let step = 0; step < stepsMax && !done() && (await this.sim.step()); step++);
  }

  async #settle(what: string): Promise<void> {
    for (let step = 0; await this.sim.step(); step++)
      assert.ok(step < REST_STEPS_MAX, `${what}, within ${REST_STEPS_MAX} steps`);
    const running = [...this.sim.instances.values()].filter(({ status }) => status === 'Running');
    assert.deepEqual(
      running.map(({ id }) => id),
      [],
      what,
    );
  }

  /** Takes steps until there is an answer. */
  async #answered<T>(promise: Promise<T>): Promise<T | undefined> {
    let given: { value: T } | undefined;
    void promise.then((value) => {
      given = { value };
    });
    await this.#until(() => given !== undefined, 5000);
    return given?.value;
  }

  /** Judges in the midst of things: what is wrong ends the play at its next step. */
  #watch(judge: () => void): void {
    try {
      judge();
    } catch (wrong) {
      this.sim.steps.fail(wrong);
    }
  }
}
