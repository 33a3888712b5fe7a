/**
 * The world that a script is played in: its runs with what their clients were told, and how to wait in it. `life-rest.ts`
 * brings it to rest, `life-play.ts` plays in it. What is wrong in the midst of things ends the play at its next step.
 */
import assert from 'node:assert/strict';
import { RUN_ORCHESTRATION } from '../../../src/lives/names.ts';
import type { Operation, Script } from './life-script.ts';
import { type Ask, judgeEnd, judgeOther, judgeStart, type StartBody, type Story } from './life-story.ts';
import { lifePipelines, someRows, upload } from './shop.ts';
import { Sim } from './sim.ts';
import type { Answer } from './sim-clients.ts';
import { lifeOf, runOf, type SimInstance } from './sim-host.ts';
import { mulberry32 } from './sim-steps.ts';

/** Once faults have stopped, everything ends within so many steps. */
const REST_STEPS_MAX = 40_000;

export type Start = Extract<Operation, { do: 'start' }>;

function named(by: Start['by'], prefix: string, blobs: string[]): Omit<StartBody, 'runId'> {
  return by === 'prefix' ? { prefix } : by === 'blobs' ? { blobs } : { glob: `${prefix}*.parquet` };
}

export class LifeWorld {
  readonly sim: Sim;
  readonly script: Script;
  /** How many executions of runs came to each end. */
  readonly ends: Record<string, number> = {};
  /** By run ID. */
  readonly stories = new Map<string, Story>();
  /** Versions of blobs that arrived. */
  readonly arrived: { pipeline: string; blob: string; etag: string }[] = [];
  /** Rows have a chance of their own: what requests are made does not change them. */
  readonly rows: () => number;
  /** Names given so far, and keys that rows are drawn from. */
  names = 0;
  keys = 6;

  constructor(script: Script) {
    this.script = script;
    const { schedule, chaos, workers, seed, short } = script;
    this.rows = mulberry32(seed + 77);
    this.sim = new Sim(lifePipelines, { seed: schedule, chaos, workers, short, batchRows: 3, partRows: 6 });
    this.sim.clients.endStepsMax = script.endSteps;
    this.sim.host.onEnd = (instance) => {
      if (instance.name === RUN_ORCHESTRATION) this.ends[instance.status] = (this.ends[instance.status] ?? 0) + 1;
      const isOutlived = this.newest(runOf(instance.id)) !== instance;
      this.watch(() => judgeEnd(instance, this.stories.get(runOf(instance.id)), isOutlived));
    };
  }

  async start({ pipeline, files, by, racers, rivals }: Start): Promise<void> {
    const id = this.#newId();
    const prefix = `${pipeline}/${id}/`;
    const ask = await this.source(id, prefix, files, by);
    if (rivals.length > 0) ask.body.versions = 'new';
    const story = this.#tell(id, pipeline, ask, rivals.length > 0);
    for (const rival of rivals) {
      this.sim.workers.note('a run over what another one reads');
      const other = this.#newId();
      const same = {
        body: { runId: other, ...named(rival, prefix, ask.blobs), versions: 'new' as const },
        blobs: ask.blobs,
      };
      void this.post(this.#tell(other, pipeline, same, true), same);
    }
    const asks = [ask];
    for (const [i, racer] of racers.entries()) {
      this.sim.workers.note(racer === 'same' ? 'a racing start, the same' : 'a racing start of another source');
      asks.push(racer === 'same' ? ask : await this.source(id, `${pipeline}/${id}-${i}/`, [2], by));
    }
    if (rivals.length > 0) for (const one of asks) one.body.versions = 'new';
    for (const one of asks) void this.post(story, one);
  }

  async source(runId: string, prefix: string, files: number[], by: Start['by']): Promise<Ask> {
    const blobs = await this.upload(prefix, files);
    return { body: { runId, ...named(by, prefix, blobs) }, blobs };
  }

  #newId(): string {
    return `r${String(++this.names).padStart(2, '0')}`;
  }

  #tell(id: string, pipeline: string, ask: Ask, rivals: boolean): Story {
    const begun = { asked: [], accepted: [], changedAt: 0, ended: new Set<string>(), owed: false, ends: 0 };
    const story: Story = { id, pipeline, ask, ...begun, rivals };
    this.stories.set(id, story);
    return story;
  }

  upload(prefix: string, files: readonly number[]): Promise<string[]> {
    this.keys++;
    return upload(
      this.sim,
      prefix,
      files.map((rows) => someRows(this.rows, rows, this.keys)),
    );
  }

  async post(story: Story, ask: Ask, isRestart = false): Promise<Answer | undefined> {
    story.asked.push(ask);
    const path = isRestart ? `runs/${story.id}/restart` : `pipelines/${story.pipeline}/runs`;
    const answer = await this.sim.clients.ask('POST', path, isRestart ? undefined : ask.body);
    if (answer)
      this.watch(() => (isRestart ? judgeOther('restart', story.id, answer) : judgeStart(story, ask, answer)));
    return answer;
  }

  runs(): SimInstance[] {
    return [...this.sim.instances.values()].filter(({ name }) => name === RUN_ORCHESTRATION);
  }

  /** The newest life of a run. */
  newest(run: string): SimInstance | undefined {
    const lives = this.runs().filter(({ id }) => runOf(id) === run);
    return lives.reduce<SimInstance | undefined>((a, b) => (a && lifeOf(a.id) > lifeOf(b.id) ? a : b), undefined);
  }

  pick<T>(at: number, items: readonly T[]): T | undefined {
    return items[Math.floor(at * items.length)];
  }

  async take(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.sim.steps.busy; step++) await this.sim.step();
  }

  async until(done: () => boolean, stepsMax: number): Promise<void> {
    for (let step = 0; step < stepsMax && !done() && (await this.sim.step()); step++);
  }

  async settle(what: string): Promise<void> {
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
  async answered<T>(promise: Promise<T>): Promise<T | undefined> {
    let given: { value: T } | undefined;
    void promise.then((value) => {
      given = { value };
    });
    await this.until(() => given !== undefined, 5000);
    return given?.value;
  }

  /** Judges in the midst of things: what is wrong ends the play at its next step. */
  watch(judge: () => void): void {
    try {
      judge();
    } catch (wrong) {
      this.sim.steps.fail(wrong);
    }
  }
}
