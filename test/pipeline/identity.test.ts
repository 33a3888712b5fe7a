/** Which changes of a pipeline its IDs survive. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { compile } from '../../src/pipeline/compile.ts';
import type { PipelineDefinition } from '../../src/pipeline/definition.ts';
import { breakingChanges, identityOf } from '../../src/pipeline/identity.ts';
import { pipeline, sharedIndex, type } from '../../src/pipeline/index.ts';

const row = z.object({ a: z.string(), b: z.string(), n: z.int() });
const head = { name: 'p', source: { container: 'landing', prefix: 'p/' }, row } as const;

const original = pipeline({
  ...head,
  entities: ({ id }) => ({
    things: { kind: 'keyed', id: id('thing_id'), key: { k: 'a' } },
    xs: { kind: 'rows', id: id('x_id'), columns: { a: 'a' } },
  }),
});

/** Breaking changes from the original, the old identity read back from JSON as a manifest would give it. */
function changes(definition: PipelineDefinition): Record<string, string> {
  const before = JSON.parse(JSON.stringify(identityOf(compile(original))));
  return Object.fromEntries(breakingChanges(before, identityOf(compile(definition))).map((c) => [c.field, c.message]));
}

describe('changes that IDs survive', () => {
  test('none', () => assert.deepEqual(changes(original), {}));
  test('columns, names of ID columns, entities, another source, another start', () => {
    const changed = pipeline({
      ...head,
      source: { container: 'elsewhere', prefix: '' },
      row: row.extend({ c: z.string() }),
      entities: ({ id, constant, ref }) => ({
        fresh: { kind: 'keyed', id: id('fresh_id'), key: { c: 'c' } },
        things: {
          kind: 'keyed',
          id: id('id', { start: 7 }),
          key: { k: 'a' },
          columns: { one: constant(1, type.int32) },
        },
        xs: { kind: 'rows', id: id('x_id'), columns: { thing_id: ref('things', { k: 'b' }) } },
      }),
    });
    assert.deepEqual(changes(changed), {});
  });
  test('an entity that is gone', () => {
    const changed = pipeline({
      ...head,
      entities: ({ id }) => ({ xs: { kind: 'rows', id: id('x_id'), columns: {} } }),
    });
    assert.deepEqual(changes(changed), {});
  });
});

describe('changes that IDs do not survive', () => {
  test('another source column, kind or component of a key', () => {
    for (const key of [{ k: 'b' }, { k: 'n' }, { k: 'a', l: 'b' }, { j: 'a' }] as const) {
      const found = changes(
        pipeline({ ...head, entities: ({ id }) => ({ things: { kind: 'keyed', id: id('thing_id'), key } }) }),
      );
      assert.deepEqual(Object.keys(found), ['entities.things.key']);
      assert.match(
        found['entities.things.key']!,
        /^the key was k: string = a and is .*: known rows would get new IDs$/,
      );
    }
  });
  test('another key index and sequence', () => {
    const changed = pipeline({
      ...head,
      entities: ({ id }) => ({
        things: { kind: 'keyed', id: id('thing_id'), key: { k: 'a' }, index: sharedIndex('common') },
        xs: { kind: 'rows', id: id('x_id', { sequence: 'common' }), columns: {} },
      }),
    });
    assert.deepEqual(changes(changed), {
      'entities.things.index': 'the key index was p.things and is common: known keys would get new IDs',
      'entities.things.id': 'the sequence was p.things and is common: IDs could be given twice',
      'entities.xs.id': 'the sequence was p.xs and is common: IDs could be given twice',
    });
  });
  test('rows turned keyed, another step', () => {
    const changed = pipeline({
      ...head,
      entities: ({ id }) => ({
        things: { kind: 'keyed', id: id('thing_id', { step: 2 }), key: { k: 'a' } },
        xs: { kind: 'keyed', id: id('x_id'), key: { a: 'a' } },
      }),
    });
    assert.deepEqual(changes(changed), {
      'entities.xs': `'xs' was rows and is keyed: the IDs it gave would mean something else`,
      'sequence p.things': 'the step was 1 and is 2: the sequence would have gaps',
    });
  });
});
