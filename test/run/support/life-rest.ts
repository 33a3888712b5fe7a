/**
 * How a long life ends: faults stop, and every promise is called in. The base of `life-play.ts`. It must inject nothing.
 */
import assert from 'node:assert/strict';
import { lifeId } from '../../../src/storage/names.ts';
import { checkTableLogs, checkViews } from '../../tables/support/check-tables.ts';
import { checkWorld } from './check.ts';
import { judgePublished, judgeRest, type Story } from './life-story.ts';
import { LifeWorld } from './life-world.ts';
import { type Published, readPublished } from './published.ts';
import { lifePipelines } from './shop.ts';
import { runOf } from './sim-host.ts';
import { calm } from './sim-workers.ts';

const HOUR_MS = 3_600_000;
/** Times after the end at which the sweep comes: blocks that nobody committed are gone after a week. */
const SWEEP_HOURS = [2, 30, 24 * 9, 24 * 45];

export class LifeRest extends LifeWorld {
  /** Faults stop, everything that runs ends, whatever failed is started again, the sweep has come; then all is checked. */
  async rest(verify: boolean): Promise<Map<string, Published>> {
    const { sim } = this;
    Object.assign(sim.chaos, calm);
    sim.workers.clocks.fill(0);
    sim.workers.doomed.clear();
    // What is held back lands when its step has come, and the rest at last.
    sim.workers.crossings.holds = [];
    await this.settle('once faults stop, every run ends');
    sim.workers.crossings.releaseAll();
    await this.settle('what was held back lands');
    for (const story of this.stories.values()) if (story.withdrawn) await this.#withdrawAgain(story);
    for (const story of this.stories.values()) judgeRest(story, this.newest(story.id));
    for (const story of this.stories.values()) await this.#finish(story);
    await this.settle('every run that is started again ends');
    for (const { id } of this.runs()) {
      if (this.newest(runOf(id))?.status === 'Completed' || this.#isSpent(id)) continue;
      const answer = await this.answered(sim.clients.ask('POST', `runs/${runOf(id)}/restart`));
      assert.ok(answer && answer.status < 300, `${id} is started again: ${JSON.stringify(answer)}`);
    }
    await this.settle('every run that is started again ends');
    for (const { id } of this.runs()) {
      const { status, error } = this.newest(runOf(id))!;
      if (this.#isSpent(id)) continue;
      assert.equal(status, 'Completed', `${id}, started again when faults had stopped: ${error}`);
    }
    await this.#readTheRest();
    for (const hours of SWEEP_HOURS) {
      sim.steps.now += hours * HOUR_MS;
      assert.equal(await this.answered(sim.clients.sweep()), true, 'a sweep without faults is complete');
      await this.settle('what the sweep began ends');
    }
    const published = await checkWorld(sim, { verify, settled: true });
    checkTableLogs(sim.store, published, { complete: true });
    checkViews(sim.store, published);
    for (const story of this.stories.values()) judgePublished(story, published.get(story.id));
    this.#checkArrived(published);
    this.#checkWork(published);
    return published;
  }

  /**
   * A run of each pipeline over all of its source reads what nobody has read, and nothing else: the ledger says of no
   * version that it was read, and of none that it was not.
   */
  async #readTheRest(): Promise<void> {
    const { sim } = this;
    for (const pipeline of lifePipelines.keys()) {
      const read = new Set<string>();
      for (const { manifest } of (await readPublished(sim.store)).values())
        if (manifest.pipeline === pipeline) for (const { etag } of manifest.inputs) read.add(etag);
      const left: string[] = [];
      for await (const { name, etag } of sim.store.list('landing', `${pipeline}/`))
        if (!read.has(etag)) left.push(name);
      const arrives = ['mail', 'post'].includes(pipeline);
      if (arrives) assert.deepEqual(left, [], `${pipeline}: what has arrived was read`);
      const run = sim.startRun(`last-${pipeline}`, pipeline);
      await this.settle(`the last run of ${pipeline} ends`);
      assert.equal(run.status, 'Completed', `${run.id}: ${run.error}`);
      const own = (await readPublished(sim.store)).get(run.id)?.manifest.inputs.map(({ blob }) => blob) ?? [];
      assert.deepEqual(own, left, `${run.id} reads what nobody has read`);
    }
  }

  /** A run that was withdrawn, and started again under its ID. */
  #isSpent(id: string): boolean {
    return /was withdrawn/.test(this.newest(runOf(id))?.error ?? '') && this.stories.get(runOf(id))?.withdrawn === true;
  }

  /** The operator asks once more: what stopped half-way goes on. */
  async #withdrawAgain({ id }: Story): Promise<void> {
    const answer = await this.answered(this.sim.clients.ask('POST', `runs/${id}/withdraw`));
    assert.ok(answer?.status === 202 || answer?.status === 404, `${id} is withdrawn: ${JSON.stringify(answer)}`);
    await this.settle('every withdrawal ends');
    const { body } = (await this.answered(this.sim.clients.ask('GET', `runs/${id}/withdrawal`)))!;
    const error = body.error as { code: string } | undefined;
    if (answer.status !== 202) return;
    assert.ok(body.status === 'Withdrawn' || error?.code === 'RunInUse', `${id}: ${JSON.stringify(body)}`);
    this.sim.workers.note(error ? 'a withdrawal that is refused' : 'a withdrawal that is done');
  }

  /** The client asks once more, as it asked first; of starts that raced, one was taken. */
  async #finish(story: Story): Promise<void> {
    const asks = story.accepted.length > 0 ? [story.accepted[0]!] : [...new Set(story.asked)];
    for (const ask of asks) {
      const answer = await this.answered(this.post(story, ask));
      if (answer && answer.status < 300) return;
    }
    assert.fail(`${story.id}: no start of it is accepted when faults have stopped`);
  }

  /** Each version of a blob that arrived is in one run. */
  #checkArrived(published: ReadonlyMap<string, Published>): void {
    for (const { pipeline, blob, etag } of this.arrived) {
      const of = [...published.values()].filter(
        ({ manifest }) => manifest.pipeline === pipeline && manifest.inputs.some((input) => input.etag === etag),
      );
      assert.equal(of.length, 1, `${blob} arrived, and is in one run: ${of.map(({ manifest }) => manifest.runId)}`);
    }
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
}
