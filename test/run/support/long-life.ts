/**
 * A long life: many small runs over pipelines that share keys and sequences, at once and one after the other, with
 * workers that die, storage that fails, activities executed twice, runs that an operator ends and starts again.
 */
import assert from 'node:assert/strict';
import { RUN_ORCHESTRATION } from '../../../src/lives/names.ts';
import { checkWorld } from './check.ts';
import type { Published } from './published.ts';
import { shopPipelines, someRows, upload } from './shop.ts';
import { Sim } from './sim.ts';

export interface LongLife {
  seed: number;
  runs: number;
  /** Runs at once, at most. */
  width: number;
}

export interface Lived {
  sim: Sim;
  published: Map<string, Published>;
  /** How often an instance came to each end. */
  ends: Record<string, number>;
}

const pipelines = ['shop', 'shop', 'web', 'log', 'audit', 'club'];

/** Lives it, brings it to rest, and checks everything that was published. */
export async function longLife({ seed, runs, width }: LongLife): Promise<Lived> {
  const sim = new Sim(shopPipelines, {
    seed,
    chaos: { storage: 0.002, fatal: 0.0005, die: 0.002, duplicate: 0.02, lateEnd: 0.5 },
  });
  const ends: Record<string, number> = {};
  const running = () => [...sim.instances.values()].filter(({ status }) => status === 'Running');
  const ended = new Set<string>();
  const note = () => {
    for (const { id, life, status } of sim.instances.values()) {
      if (status === 'Running' || ended.has(`${id} ${life}`)) continue;
      ended.add(`${id} ${life}`);
      ends[status] = (ends[status] ?? 0) + 1;
    }
  };
  for (let run = 0; run < runs; run++) {
    const id = `r${String(run).padStart(4, '0')}`;
    const pipeline = sim.pick(pipelines);
    const prefix = `${pipeline}/${id}/`;
    const files = Array.from({ length: 1 + Math.floor(sim.random() * 2) }, () =>
      // Keys come from a range that grows, so that there are always some new ones.
      someRows(() => sim.random(), 1 + Math.floor(sim.random() * 6), 6 + run),
    );
    await upload(sim, prefix, files);
    sim.startRun(id, pipeline, prefix);
    for (let acts = 0; running().length >= width || sim.random() < 0.3; acts++) {
      assert.ok(acts < 100_000, 'the world goes on');
      await misfortune(sim, running());
      note();
    }
  }
  await rest(sim, runs);
  note();
  return { sim, published: await checkWorld(sim, { swept: false }), ends };
}

async function misfortune(sim: Sim, running: readonly { id: string }[]): Promise<void> {
  const steps = 1 + Math.floor(sim.random() * 60);
  for (let step = 0; step < steps; step++) await sim.step();
  const chance = sim.random();
  if (running.length > 0 && chance < 0.03) sim.terminate(sim.pick(running).id);
  else if (chance < 0.06) again(sim, sim.pick([...sim.instances.values()]).id);
}

/** A run that ended without completing is started once more under its ID. */
function again(sim: Sim, id: string): void {
  const { name, input } = sim.instances.get(id)!;
  if (name !== RUN_ORCHESTRATION) return;
  const { runId, pipeline, prefix } = input as { runId: string; pipeline: string; prefix: string };
  const status = sim.status(runId);
  if (status === 'Failed' || status === 'Terminated') sim.startRun(runId, pipeline, prefix);
}

/** Faults stop; everything that runs ends; one more run of each pipeline finds what the dead left. */
async function rest(sim: Sim, runs: number): Promise<void> {
  Object.assign(sim.chaos, { storage: 0, fatal: 0, die: 0, duplicate: 0, lateEnd: 0 });
  await sim.settle();
  assert.deepEqual(
    [...sim.instances.values()].filter(({ status }) => status === 'Running').map(({ id }) => id),
    [],
    'once faults stop, every run ends',
  );
  for (const pipeline of new Set(pipelines)) {
    const prefix = `${pipeline}/last/`;
    await upload(sim, prefix, [someRows(() => sim.random(), 10, runs + 20)]);
    const last = await sim.run(`last-${pipeline}`, pipeline, prefix);
    assert.equal(last.status, 'Completed', last.error);
    await sim.settle();
  }
}
