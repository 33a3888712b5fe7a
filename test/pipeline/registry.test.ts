/** Pipelines of one app, checked against each other. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { pipelines } from '../../pipelines/index.ts';
import { type Environment, pipelineOf } from '../../src/environment/environment.ts';
import { type PipelineDefinition, pipeline, registerPipelines, sharedIndex } from '../../src/pipeline/index.ts';

interface Variation {
  source?: string;
  output?: string;
  index?: string;
  sequence?: string;
  start?: number;
  key?: 'a' | 'n';
}

function make(name: string, vary: Variation = {}): PipelineDefinition {
  return pipeline({
    name,
    source: { container: 'landing', prefix: vary.source ?? `${name}/` },
    output: { container: 'landing', prefix: vary.output ?? `out/${name}/` },
    row: z.object({ a: z.string(), n: z.int() }),
    entities: ({ keyed, id }) => ({
      things: keyed({
        id: id('thing_id', {
          ...(vary.start !== undefined && { start: vary.start }),
          ...(vary.sequence !== undefined && { sequence: vary.sequence }),
        }),
        key: { k: vary.key ?? 'a' },
        ...(vary.index !== undefined && { index: sharedIndex(vary.index) }),
      }),
    }),
  });
}

function refused(definitions: PipelineDefinition[], message: RegExp): void {
  assert.throws(
    () => registerPipelines(definitions),
    (error: { code: string; message: string; remedy?: string }) => {
      assert.equal(error.code, 'InvalidPipeline');
      assert.match(error.message, message);
      assert.ok(error.remedy);
      return true;
    },
  );
}

test('the pipelines of this app', () => {
  assert.deepEqual([...pipelines.keys()], ['flights', 'sales']);
});

test('an unknown pipeline is refused by name, cut to what a message may hold', () => {
  const environment = { pipelines } as Environment;
  assert.equal(pipelineOf(environment, 'sales').name, 'sales');
  assert.throws(() => pipelineOf(environment, 'x'.repeat(10_000)), {
    code: 'UnknownPipeline',
    message: `there is no pipeline "${'x'.repeat(100)}"; there are: flights, sales`,
  });
  assert.throws(() => pipelineOf(environment, 'constructor'), { code: 'UnknownPipeline' });
});

describe('pipelines that do not go together', () => {
  test('the same name', () => refused([make('a'), make('a')], /two pipelines are named 'a'/));
  test('one output', () =>
    refused([make('a', { output: 'o/' }), make('b', { output: 'o/b/' })], /both write to landing\/o\/b\//));
  test('one sequence, two starts', () =>
    refused(
      [make('a', { sequence: 's', start: 5 }), make('b', { sequence: 's' })],
      /start 1 and step 1 here, start 5 and step 1 at pipeline a/,
    ));
  test('one key index, two keys', () =>
    refused(
      [make('a', { index: 'i' }), make('b', { index: 'i', key: 'n' })],
      /key \(k: number\), sequence 'i' in pipeline b, key \(k: string\)/,
    ));
  test('one key index, two sequences', () =>
    refused([make('a', { index: 'i' }), make('b', { index: 'i', sequence: 's' })], /sequence 's' in pipeline b/));
  test('names of key indexes that one letter tells apart', () => {
    const message = /key indexes '(customers|b\.thing)' and '(customer|b\.things)' differ in one letter/;
    refused([make('a', { index: 'customers' }), make('b', { index: 'customer' })], message);
    refused([make('b'), make('a', { index: 'b.thing' })], message);
    assert.equal(
      registerPipelines([make('a', { index: 'tariffs-2025' }), make('b', { index: 'tariffs-2026' })]).size,
      2,
    );
  });
  test('a circle of two', () =>
    refused([make('a', { output: 'b/' }), make('b', { output: 'a/' })], /without end: 'a' → 'b' → 'a'/));
  test('a circle behind a chain', () =>
    refused(
      [make('z', { output: 'a/0/' }), make('a', { output: 'b/' }), make('b', { output: 'a/1/' })],
      /'a' → 'b' → 'a'/,
    ));
});

describe('pipelines that do', () => {
  test('a chain, a shared source, a shared sequence, a shared key index', () => {
    const registry = registerPipelines([
      make('a', { output: 'b/' }),
      make('b', { index: 'i' }),
      make('c', { source: 'b/', index: 'i' }),
      make('d', { sequence: 'i' }),
    ]);
    assert.deepEqual([...registry.keys()], ['a', 'b', 'c', 'd']);
    const ids = [...registry.values()].map((p) => p.sequences[0]?.name);
    assert.deepEqual(ids, ['a.things', 'i', 'i', 'i']);
  });
});
