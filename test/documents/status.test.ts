/**
 * The custom status stays below its limit at any run size: the real orchestrator, answered as a run at its limits would
 * be, with texts that JSON makes long.
 */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { shortened } from '../../src/durable/activity.ts';
import type { Orchestration } from '../../src/durable/context.ts';
import type { ErrorLocation, ErrorValue } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import type { PlanOutput } from '../../src/plan/activity.ts';
import { runOrchestrator } from '../../src/run/orchestrator.ts';

interface Answered {
  answer: unknown;
}

/** Runs the orchestrator to its end, with `answers` by activity, and gives what it said of itself. */
function statuses(input: object, answers: Record<string, object>): { phase: string; batches?: number }[] {
  const said: { phase: string }[] = [];
  const task = (answer: unknown) => ({ answer, cancel() {} }) as Answered as unknown as Task & { cancel(): void };
  const df: Orchestration = {
    instanceId: 'r',
    isReplaying: false,
    currentUtcDateTime: new Date('2030-01-01T00:00:00Z'),
    getInput: <T>() => input as T,
    Task: {
      all: (tasks) => task((tasks as unknown as Answered[]).map(({ answer }) => answer)),
      any: ([first]) => task(first),
    },
    callActivity: (name) => task(answers[name] ?? { ok: true, value: {} }),
    callSubOrchestrator: () => task({ ok: true, value: {} }),
    callEntity: () => task({}),
    createTimer: () => task(undefined),
    continueAsNew: () => assert.fail('a run does not begin anew'),
    setCustomStatus: (status) => said.push(structuredClone(status) as { phase: string }),
  };
  const run = runOrchestrator({ df });
  try {
    let step = run.next();
    while (!step.done) step = run.next((step.value as unknown as Answered).answer);
  } catch (thrown) {
    assert.doesNotMatch(String(thrown), /invariant/);
  }
  return said;
}

const bytesOf = (status: object) => JSON.stringify(status).length * 2;

const largest: PlanOutput = {
  etag: '"0"',
  batches: limits.batchesMax,
  rows: Number.MAX_SAFE_INTEGER,
  files: limits.sourceBlobsMax,
  parts: limits.batchesMax,
  sealGroups: limits.batchesMax,
  rowsEntities: Array.from({ length: limits.entitiesMax }, (_, i) => `${'e'.repeat(60)}${i}`),
  keyed: [],
  sequences: [],
  published: null,
};

/** Texts that JSON makes up to six times as long. */
const hostile = fc.oneof(
  fc.constantFrom('\u0000'.repeat(5000), '\ud800'.repeat(5000), '😀'.repeat(3000), '"'.repeat(4000), 'é'.repeat(1024)),
  fc.string({ minLength: 900, maxLength: 5000, unit: 'binary' }),
);

describe('the custom status', () => {
  it('of the largest run says how far it is, in a tenth of the limit', () => {
    const input = { runId: 'r', pipeline: 'p'.repeat(63), prefix: 'landing/'.repeat(40) };
    const value = { manifest: 'm', rows: largest.rows };
    const said = statuses(input, {
      planRun: { ok: true, value: largest },
      tallyRows: { ok: true, value: { rows: {}, keyed: [] } },
      finishRun: { ok: true, value },
    });
    const phases = new Set(said.map(({ phase }) => phase));
    for (const phase of ['plan', 'split', 'resolve', 'reserve', 'seal', 'publish', 'done']) {
      assert.ok(phases.has(phase), `${phase} of ${[...phases].join(', ')}`);
    }
    assert.equal(said.at(-1)?.batches, limits.batchesMax);
    for (const status of said) assert.ok(bytesOf(status) < limits.customStatusBytesMax / 10, JSON.stringify(status));
  });

  it('holds any prefix and any error', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (prefix, message, place, remedy) => {
        const where: ErrorLocation = {
          pipeline: place,
          entity: place,
          blob: place,
          column: place,
          field: place,
          row: 1,
        };
        const error: ErrorValue = { code: 'InvalidValue', message, retryable: false, where, remedy };
        const input = { runId: 'r'.repeat(64), pipeline: 'p'.repeat(63), prefix };
        const said = statuses(input, {
          planRun: { ok: true, value: largest },
          tallyRows: { ok: false, error: shortened(error) },
          discardRun: { ok: true, value: { published: false } },
        });
        assert.equal(said.at(-1)?.phase, 'failed');
        for (const status of said)
          assert.ok(bytesOf(status) <= limits.customStatusBytesMax, `${bytesOf(status)} bytes`);
      }),
      { numRuns: 40 },
    );
  });
});
