/** Pipelines of one app, checked against each other. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { pipelines } from '../../pipelines/index.ts';
import { type Environment, pipelineOf } from '../../src/environment/environment.ts';
import {
  type PipelineDefinition,
  pipeline,
  registerPipelines,
  shared,
  sharedIndex,
  type,
} from '../../src/pipeline/index.ts';

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
    entities: ({ id }) => ({
      things: {
        kind: 'keyed',
        id: id('thing_id', {
          ...(vary.start !== undefined && { start: vary.start }),
          ...(vary.sequence !== undefined && { sequence: vary.sequence }),
        }),
        key: { k: vary.key ?? 'a' },
        ...(vary.index !== undefined && { index: sharedIndex(vary.index) }),
      },
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

describe('entities that pipelines share', () => {
  const things = shared('things', {
    id: 'thing_id',
    start: 1000,
    key: { k: z.string() },
    columns: { size: type.float64, label: type.string },
    onChange: 'report',
  });
  const using = (name: string, entity = things, columns = true) =>
    pipeline({
      name,
      source: { container: 'landing', prefix: `${name}/` },
      row: z.object({ a: z.string(), n: z.number() }),
      entities: ({ first, map }) => ({
        things: {
          kind: 'shared',
          entity,
          key: { k: 'a' },
          columns: columns ? { size: first('n'), label: map('a', (a) => a, type.string) } : {},
        },
      }),
    });

  test('have one index, one sequence and the same columns; what a pipeline does not say is null', () => {
    const referring = pipeline({
      name: 'two',
      source: { container: 'landing', prefix: 'two/' },
      row: z.object({ b: z.string() }),
      entities: ({ id, ref }) => ({
        goods: { kind: 'shared', entity: things },
        lines: { kind: 'rows', id: id('line_id'), columns: { thing_id: ref('goods', { k: 'b' }) } },
      }),
    });
    const registry = registerPipelines([using('one'), using('three', things, true)]);
    const [one] = registry.get('one')!.entities;
    assert.ok(one?.kind === 'keyed');
    assert.deepEqual(
      one.columns.map(({ kind, name }) => `${kind} ${name}`),
      ['id thing_id', 'key k', 'copy size', 'map label'],
    );
    assert.deepEqual([one.index, one.onChange], ['things', 'report']);
    assert.deepEqual(registry.get('one')!.sequences, [{ name: 'things', start: '1000', step: '1' }]);
    const quiet = shared('quiet', { id: 'thing_id', key: { k: z.string() }, columns: { size: type.float64 } });
    const [goods] = registerPipelines([
      pipeline({
        name: 'two',
        source: { container: 'landing', prefix: 'two/' },
        row: z.object({ b: z.string() }),
        entities: ({ id, ref }) => ({
          goods: { kind: 'shared', entity: quiet },
          lines: { kind: 'rows', id: id('line_id'), columns: { thing_id: ref('goods', { k: 'b' }) } },
        }),
      }),
    ]).get('two')!.entities;
    assert.ok(goods?.kind === 'keyed');
    assert.equal(goods.ownFeed, undefined);
    assert.deepEqual(goods.columns.at(-1), { kind: 'constant', name: 'size', type: type.float64.column, value: null });
    // Nothing could change of what is null always.
    refused([referring], /goods\.onChange: there is no attribute that could change/);
  });

  test('contradict each other when they are declared twice, or used beside a bare index', () => {
    const others = [
      shared('things', { ...things.settings, columns: { size: type.float64, label: type.json } }),
      shared('things', { ...things.settings, start: 1 }),
      shared('things', { ...things.settings, columns: { label: type.string, size: type.float64 } }),
    ];
    for (const other of others) {
      const two = pipeline({
        name: 'two',
        source: { container: 'landing', prefix: 'two/' },
        row: z.object({ a: z.string(), n: z.number() }),
        entities: ({ first }) => ({
          things: { kind: 'shared', entity: other, key: { k: 'a' }, columns: { size: first('n') } },
        }),
      });
      refused([using('one'), two], /declared in another way|start/);
    }
    const bare = make('two', { index: 'things', sequence: 'things', start: 1000 });
    refused([using('one'), bare], /key index 'things' is that of a shared entity, and this entity does not use it/);
    refused([bare, using('one')], /key index 'things' is that of a shared entity, and pipeline two does not use it/);
  });
});
