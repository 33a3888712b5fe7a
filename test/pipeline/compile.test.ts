/** What pipelines compile to: names resolved, in declaration order. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import flightsDefinition from '../../pipelines/flights.ts';
import { pipelines } from '../../pipelines/index.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { CompiledPipeline, Entity } from '../../src/pipeline/compiled.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';

const row = z.object({ a: z.string(), b: z.string(), n: z.int().nullable(), kind: z.enum(['x', 'y']) });
const head = { name: 'p', source: { container: 'landing', prefix: 'p/' }, row } as const;

function entity<K extends Entity['kind']>(compiled: CompiledPipeline, kind: K, name: string): Entity & { kind: K } {
  const found = compiled.entities.find((e): e is Entity & { kind: K } => e.kind === kind && e.name === name);
  assert.ok(found, name);
  return found;
}

describe('the flights pipeline', () => {
  const flights = compile(flightsDefinition);

  test('places and settings', () => {
    assert.deepEqual(flights.source, { container: 'landing', prefix: 'flights/', suffix: '.parquet' });
    assert.deepEqual(flights.output, { container: 'published', prefix: 'flights/' });
    assert.equal(flights.idEncoding, 'plain');
    assert.deepEqual([flights.onInvalid, flights.maxRejected], ['fail', 0]);
  });

  test('what starts a run is no part of what a run is', () => {
    const arriving = compile({ ...flightsDefinition, arrival: { on: 'quiet', seconds: 5 } });
    assert.deepEqual(arriving.arrival, { on: 'quiet', seconds: 5, waitSecondsMax: 3600 });
    assert.equal(arriving.hash, flights.hash);
    assert.equal(flights.arrival, undefined);
  });

  test('columns: the ID, then the key, then what is declared', () => {
    const names = flights.entities.map((e) => [e.name, ...e.columns.map((c) => `${c.kind}:${c.name}`)]);
    assert.deepEqual(names, [
      ['airports', 'id:airport_id', 'key:code'],
      ['routes', 'id:route_id', 'key:from', 'key:to', 'copy:distance', 'ref:origin_id', 'ref:destination_id'],
      [
        'flights',
        'id:flight_id',
        ...['ref:origin_id', 'ref:destination_id', 'ref:route_id'],
        ...['copy:date', 'copy:delay', 'copy:distance', 'map:distance_km', 'compute:late'],
      ],
    ]);
  });

  test('feeds: in declaration order, once', () => {
    assert.deepEqual(flights.feeds, [
      { target: 'routes', columns: ['origin', 'destination'], own: true },
      { target: 'airports', columns: ['origin'], own: false },
      { target: 'airports', columns: ['destination'], own: false },
    ]);
  });

  test('sequences: one for each entity, in order of first use', () => {
    const one = (name: string) => ({ name, start: '1', step: '1' });
    assert.deepEqual(flights.sequences, [one('flights.airports'), one('flights.routes'), one('flights.flights')]);
  });

  test('functions do what they say', () => {
    const byName = new Map(entity(flights, 'rows', 'flights').columns.map((c) => [c.name, c]));
    const [km, late] = [byName.get('distance_km'), byName.get('late')];
    assert.ok(km?.kind === 'map' && late?.kind === 'compute');
    assert.equal(km.fn(100), 161);
    assert.deepEqual(
      [15, 16].map((minutes) => late.fn(minutes)),
      [false, true],
    );
  });
});

test('the sales pipeline: 15 columns, two spellings of an address are one', () => {
  const sales = pipelines.get('sales')!;
  assert.equal(sales.contract.length, 15);
  const email = sales.contract.find((c) => c.name === 'customer_email')!;
  assert.deepEqual(email.parse('  Ada.Byron@Example.com '), { ok: true, value: 'ada.byron@example.com' });
  assert.equal(email.parse('nobody').ok, false);
  assert.equal(email.outputType, undefined);
  assert.deepEqual(entity(sales, 'keyed', 'orders').ownFeed, ['order_no']);
  const net = entity(sales, 'rows', 'order_lines').columns.find((c) => c.name === 'net_amount');
  assert.ok(net?.kind === 'compute');
  assert.equal(net.fn(3, 19.99, 0.1), 53.97);
  assert.deepEqual(net.type, { physical: 'INT64', annotation: { kind: 'decimal', precision: 14, scale: 2 } });
});

test('every kind of column', () => {
  const compiled = compile(
    pipeline({
      ...head,
      entities: ({ id, nextId, ref, rowRef, first, map, compute, constant, where }) => ({
        tags: {
          kind: 'keyed',
          id: id('tag_id'),
          key: { tag: z.string() },
          columns: { origin: constant('p', type.string) },
        },
        things: {
          kind: 'keyed',
          id: id('thing_id'),
          key: { a: 'a' },
          columns: { n: first('n'), tag_id: ref('tags', { tag: 'b' }), other: nextId('others', { step: 2 }) },
        },
        xs: {
          kind: 'rows',
          id: id('x_id', { sequence: 'shared', start: 100n }),
          where: where(['kind', 'n'], (kind, n) => kind === 'x' && n !== null),
          columns: {
            a: 'a',
            m: map('n', (n) => (n ?? 0) + 1, type.int32),
            l: map('a', (a) => a.length, type.int32),
            c: compute(['a', 'b'], (a, b) => a + b, type.string),
            k: constant(7, type.int64),
          },
        },
        ys: { kind: 'rows', id: id('y_id', { sequence: 'shared' }), columns: { x_id: rowRef('xs') } },
      }),
    }),
  );
  const strip = (e: Entity) => e.columns.map((c) => JSON.parse(JSON.stringify(c)));
  const [tags, things, xs, ys] = compiled.entities.map(strip);
  const string = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  assert.deepEqual(tags, [
    { kind: 'id', name: 'tag_id', sequence: 'p.tags' },
    { kind: 'key', name: 'tag', component: 0 },
    { kind: 'constant', name: 'origin', type: string, value: 'p' },
  ]);
  assert.deepEqual(things!.slice(2), [
    { kind: 'copy', name: 'n', source: 'n' },
    { kind: 'ref', name: 'tag_id', entity: 'tags', columns: ['b'] },
    { kind: 'id', name: 'other', sequence: 'others' },
  ]);
  assert.deepEqual(xs, [
    { kind: 'id', name: 'x_id', sequence: 'shared' },
    { kind: 'copy', name: 'a', source: 'a' },
    { kind: 'map', name: 'm', source: 'n', type: { physical: 'INT32' }, nulls: true },
    { kind: 'map', name: 'l', source: 'a', type: { physical: 'INT32' }, nulls: false },
    { kind: 'compute', name: 'c', sources: ['a', 'b'], type: string },
    { kind: 'constant', name: 'k', type: { physical: 'INT64' }, value: 7 },
  ]);
  assert.deepEqual(ys, [
    { kind: 'id', name: 'y_id', sequence: 'shared' },
    { kind: 'rowRef', name: 'x_id', entity: 'xs' },
  ]);
  assert.deepEqual(compiled.sequences, [
    { name: 'p.tags', start: '1', step: '1' },
    { name: 'p.things', start: '1', step: '1' },
    { name: 'others', start: '1', step: '2' },
    { name: 'shared', start: '100', step: '1' },
  ]);
  const { where } = entity(compiled, 'rows', 'xs');
  assert.deepEqual(where?.columns, ['kind', 'n']);
  assert.deepEqual([where?.test('x', 1), where?.test('x', null), where?.test('y', 1)], [true, false, false]);
});

describe('feeds', () => {
  test('a predicate selects the rows that bring keys, also through references', () => {
    const { feeds } = compile(
      pipeline({
        ...head,
        entities: ({ id, ref, where }) => ({
          xs: {
            kind: 'rows',
            id: id('i'),
            where: where(['kind'], (k) => k === 'x'),
            columns: { t: ref('things', { a: 'a' }) },
          },
          ys: { kind: 'rows', id: id('i'), columns: { t: ref('things', { a: 'a' }), u: ref('things', { a: 'b' }) } },
          things: { kind: 'keyed', id: id('i'), key: { a: 'a' }, where: where(['kind'], (k) => k === 'y') },
        }),
      }),
    );
    assert.deepEqual(feeds, [
      { target: 'things', columns: ['a'], selectedBy: 'xs', own: false },
      { target: 'things', columns: ['a'], own: false },
      { target: 'things', columns: ['b'], own: false },
      { target: 'things', columns: ['a'], selectedBy: 'things', own: true },
    ]);
  });

  test('a reference equal to the own feed is the own feed, in the place of the first', () => {
    const { feeds } = compile(
      pipeline({
        ...head,
        entities: ({ id, ref }) => ({
          xs: { kind: 'rows', id: id('i'), columns: { t: ref('things', { a: 'a' }), u: ref('others', { b: 'b' }) } },
          others: { kind: 'keyed', id: id('i'), key: { b: z.string() } },
          things: { kind: 'keyed', id: id('i'), key: { a: 'a' } },
        }),
      }),
    );
    assert.deepEqual(feeds, [
      { target: 'things', columns: ['a'], own: true },
      { target: 'others', columns: ['b'], own: false },
    ]);
  });

  test('columns are aligned to the key, however the reference orders them; an entity may refer to itself', () => {
    const { feeds } = compile(
      pipeline({
        ...head,
        entities: ({ id, ref }) => ({
          pairs: {
            kind: 'keyed',
            id: id('i'),
            key: { left: 'a', right: 'b' },
            columns: { mirrored: ref('pairs', { right: 'a', left: 'b' }) },
          },
        }),
      }),
    );
    assert.deepEqual(feeds, [
      { target: 'pairs', columns: ['a', 'b'], own: true },
      { target: 'pairs', columns: ['b', 'a'], own: false },
    ]);
  });
});

describe('the hash', () => {
  const make = (
    late: (n: number | null) => boolean,
    change: { key?: 'a' | 'b'; idName?: string; start?: number } = {},
  ) =>
    compile(
      pipeline({
        ...head,
        entities: ({ id, map }) => ({
          things: { kind: 'keyed', id: id('thing_id', { start: change.start ?? 1 }), key: { a: change.key ?? 'a' } },
          xs: { kind: 'rows', id: id(change.idName ?? 'x_id'), columns: { late: map('n', late, type.boolean) } },
        }),
      }),
    ).hash;
  const original = make((n) => n === 1);

  test('is that of the shape, not of functions', () => {
    assert.match(original, /^[0-9a-f]{64}$/);
    assert.equal(
      make((n) => n === 2),
      original,
    );
  });
  for (const change of [{ key: 'b' }, { idName: 'id' }, { start: 2 }] as const) {
    test(`changes with ${JSON.stringify(change)}`, () =>
      assert.notEqual(
        make((n) => n === 1, change),
        original,
      ));
  }
  test('does not depend on the order of options', () => {
    assert.equal(
      original,
      compile(
        pipeline({
          ...head,
          entities: ({ id, map }) => ({
            things: { kind: 'keyed', key: { a: 'a' }, id: id('thing_id') },
            xs: { kind: 'rows', columns: { late: map('n', () => true, type.boolean) }, id: id('x_id') },
          }),
        }),
      ).hash,
    );
  });
});
