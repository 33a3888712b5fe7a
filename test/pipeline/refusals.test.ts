/**
 * What JavaScript users see at start-up: for each mistake its code, its field, its text and its remedy. Long, because
 * it is one table.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { OrdinalError } from '../../src/errors.ts';
import type { builder } from '../../src/pipeline/builder.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { PipelineDefinition } from '../../src/pipeline/definition.ts';
import { shared, sharedIndex, type } from '../../src/pipeline/index.ts';

type Words = typeof builder;
type Loose = Record<string, unknown>;

const row = z.object({
  date: z.date(),
  delay: z.int(),
  origin: z.string(),
  destination: z.string(),
  anything: z.any(),
});

/** A right pipeline, with members replaced. */
function definition(change: Loose): PipelineDefinition {
  const right = {
    name: 'flights',
    source: { container: 'landing', prefix: 'flights/' },
    row,
    entities: ({ id }: Words) => ({ flights: { kind: 'rows', id: id('flight_id'), columns: { date: 'date' } } }),
  };
  return { ...right, ...change } as unknown as PipelineDefinition;
}

/** Entities around one that is under test. */
function withEntity(make: (words: Words) => unknown, name = 'x'): Loose {
  return {
    entities: (words: Words) => ({
      airports: { kind: 'keyed', id: words.id('airport_id'), key: { code: 'origin' } },
      routes: { kind: 'keyed', id: words.id('route_id'), key: { from: 'origin', to: 'destination' } },
      flights: { kind: 'rows', id: words.id('flight_id'), columns: { date: 'date' } },
      [name]: make(words),
    }),
  };
}

/** One column `c` of a rows entity `x`. */
function withColumn(make: (words: Words) => unknown): Loose {
  return withEntity((words) => ({ kind: 'rows', id: words.id('x_id'), columns: { c: make(words) } }));
}

function withKeyed(make: (words: Words) => Loose): Loose {
  return withEntity((words) => ({ kind: 'keyed', id: words.id('x_id'), key: { code: 'origin' }, ...make(words) }));
}

const c = 'entities.x.columns.c';
const inTables = { output: { table: 'delta' } };
const places = { container: 'landing', prefix: 'flights/' };
const late = () => true;

type Case = [mistake: string, change: Loose, field: string, message: RegExp, remedy: RegExp];

const cases: Record<string, Case[]> = {
  tables: [
    ['a format', { output: { table: 'iceberg' } }, 'output.table', /'iceberg' is not an option/, /'delta'/],
    [
      'a name with a space',
      { ...inTables, entities: ({ id }: Words) => ({ x: { kind: 'rows', id: id('i'), columns: { 'a b': 'delay' } } }) },
      'entities.x.columns.a b',
      /has " " in its name, which a table's columns may not have/,
      /^Give it another name\.$/,
    ],
    [
      'a UUID',
      { ...inTables, ...withColumn(({ map }) => map('origin', (text: unknown) => text, type.uuid)) },
      c,
      /is UUID on FIXED_LEN_BYTE_ARRAY\(16\), which no Delta type is/,
      /type\.string/,
    ],
    [
      'nanoseconds',
      { ...inTables, ...withColumn(({ map }) => map('date', (date: unknown) => date, type.timestampIn('NANOS'))) },
      c,
      /has nanoseconds, and a table has microseconds/,
      /State another type/,
    ],
    [
      'milliseconds',
      { ...inTables, ...withColumn(({ map }) => map('date', (date: unknown) => date, type.timestampIn('MILLIS'))) },
      c,
      /which a table stores as TIMESTAMP\(MICROS, UTC\)/,
      /^State the type that the table has/,
    ],
    [
      'readers of other types',
      { ...inTables, readers: 'parquetjs-lite' },
      'output.table',
      /ask for other types of the same columns/,
      /^Leave one of them out/,
    ],
  ],
  settings: [
    ['no name', { name: undefined }, 'name', /undefined is not a name/, /a-z 0-9 _ -/],
    ['a name with capitals', { name: 'Flights' }, 'name', /'Flights' is not a name/, /lower-case/],
    ['a long name', { name: 'f'.repeat(64) }, 'name', /is not a name/, /up to 62/],
    ['an unknown option', { ouput: {} }, 'pipeline.ouput', /not a known option/, /^Use 'output', if/],
    ['no source', { source: undefined }, 'source', /undefined, not an object/, /'container', 'prefix'/],
    [
      'a misspelt source option',
      { source: { container: 'landing', prefx: 'a/' } },
      'source.prefx',
      /known option/,
      /'prefix'/,
    ],
    ['a bad container', { source: { container: 'Landing', prefix: 'a/' } }, 'source.container', /'Landing'/, /3 to 63/],
    ['double hyphens', { source: { container: 'a--b', prefix: 'a/' } }, 'source.container', /'a--b'/, /hyphens/],
    ['no prefix', { source: { container: 'landing' } }, 'source.prefix', /undefined is not a prefix/, /'flights\/'/],
    [
      'a leading slash',
      { source: { container: 'landing', prefix: '/a' } },
      'source.prefix',
      /is not a prefix/,
      /leading/,
    ],
    [
      'a climbing prefix',
      { source: { container: 'landing', prefix: 'a/../b' } },
      'source.prefix',
      /is not a prefix/,
      /'\.\.'/,
    ],
    ['no folder', { output: { prefix: 'out' } }, 'output.prefix', /'out' is not a folder/, /^Use 'out\/'\.$/],
    [
      'output in the source',
      { output: { container: 'landing', prefix: 'flights/out/' } },
      'output.prefix',
      /overlaps the source landing\/flights\//,
      /another container or folder/,
    ],
    [
      'output beside the source',
      { output: { container: 'landing' } },
      'output.prefix',
      /outputs would be taken for input/,
      /another/,
    ],
    ['source in the output', { output: { container: 'landing', prefix: '' } }, 'output.prefix', /overlaps/, /another/],
    ['an ID encoding', { idEncoding: 'dleta' }, 'idEncoding', /'dleta' is not an option/, /^Use 'delta', if/],
    ['readers', { readers: 'v2' }, 'readers', /'v2' is not an option/, /^Use 'v1', if/],
    [
      'an ID encoding that the readers do not know',
      { readers: 'v1', idEncoding: 'delta' },
      'idEncoding',
      /is 'delta', which readers: 'v1' does not allow/,
      /^Leave it out/,
    ],
    ['onInvalid', { onInvalid: 'ignore' }, 'onInvalid', /'ignore'/, /'fail', 'quarantine'/],
    ['a share above 1', { onInvalid: 'quarantine', maxRejected: 5 }, 'maxRejected', /5 is not a share/, /0 to 1/],
    ['a mode of arrival', { arrival: { on: 'quite' } }, 'arrival.on', /'quite' is no mode/, /^Use 'quiet', if/],
    ['a mode that only a setting has', { arrival: { on: 'never' } }, 'arrival.on', /'never' is no mode/, /'blob'/],
    ['an arrival that is a text', { arrival: 'quiet' }, 'arrival', /'quiet' is no mode/, /on: 'blob'/],
    [
      'an option of arrival',
      { arrival: { on: 'quiet', second: 5 } },
      'arrival.second',
      /'quiet' has no such option/,
      /^Use 'seconds', if/,
    ],
    ['an option of another mode', { arrival: { on: 'blob', seconds: 5 } }, 'arrival.seconds', /'blob' has no/, /'on'/],
    ['no quiet at all', { arrival: { on: 'quiet', seconds: 0 } }, 'arrival.seconds', /Too small/, /docs\/http.md/],
    ['a marker in a folder', { arrival: { on: 'marker', name: 'a/b' } }, 'arrival.name', /has a '\/'/, /docs\/http.md/],
    ['a share of failures', { maxRejected: 0.1 }, 'maxRejected', /no meaning/, /onInvalid: 'quarantine'/],
    ['no contract', { row: undefined }, 'row', /is not a zod object/, /z\.object/],
  ],
  entities: [
    ['no function', { entities: { a: 1 } }, 'entities', /an object/, /\(\{ id, ref \}\) =>/],
    ['none', { entities: () => ({}) }, 'entities', /is empty/, /kind: 'rows'/],
    ['a block without return', { entities: () => {} }, 'entities', /undefined, not an object/, /^$/],
    [
      'a misspelt word',
      { entities: ({ frist }: Loose) => ({ a: (frist as () => void)() }) },
      'entities',
      /frist is not a function/,
      /^Use 'first', if/,
    ],
    [
      'a bad name',
      withEntity(({ id }) => ({ kind: 'rows', id: id('i'), columns: {} }), 'My-Rows'),
      'entities.My-Rows',
      /not a name/,
      /lower-case/,
    ],
    ['no entity', withEntity(() => 'rows'), 'entities.x', /'rows' is not an entity/, /kind: 'keyed'/],
    [
      'no kind',
      withEntity(({ id }) => ({ id: id('i'), columns: {} })),
      'entities.x.kind',
      /undefined is not a kind/,
      /'rows'/,
    ],
    [
      'a misspelt kind',
      withEntity(() => ({ kind: 'row' })),
      'entities.x.kind',
      /'row' is not a kind/,
      /^Use 'rows', if/,
    ],
    [
      'a misspelt option',
      withEntity(({ id }) => ({ kind: 'rows', id: id('i'), colums: {} })),
      'entities.x.colums',
      /known option/,
      /'columns'/,
    ],
    ['no ID', withEntity(() => ({ kind: 'rows', columns: {} })), 'entities.x.id', /undefined/, /id\('column_name'\)/],
    [
      'an ID as text',
      withEntity(() => ({ kind: 'rows', id: 'i', columns: {} })),
      'entities.x.id',
      /'i'/,
      /id\('column_name'\)/,
    ],
    [
      'an ID without a name',
      withEntity(({ id }) => ({ kind: 'rows', id: id(''), columns: {} })),
      'entities.x.id',
      /'' is not a column name/,
      /not empty/,
    ],
    [
      'too many',
      {
        entities: ({ id }: Words) =>
          Object.fromEntries(
            Array.from({ length: 101 }, (_, i) => [`e${i}`, { kind: 'rows', id: id('i'), columns: {} }]),
          ),
      },
      'entities',
      /101 entities/,
      /100/,
    ],
    [
      'a predicate as function',
      withEntity(({ id }) => ({ kind: 'rows', id: id('i'), columns: {}, where: late })),
      'entities.x.where',
      /a function/,
      /where\(\['column'\]/,
    ],
    [
      'a predicate over nothing',
      withEntity(({ id, where }) => ({ kind: 'rows', id: id('i'), columns: {}, where: where([], late) })),
      'entities.x.where',
      /names no source column/,
      /at least one/,
    ],
    [
      'a predicate over a misspelt column',
      withEntity(({ id, where }) => ({ kind: 'rows', id: id('i'), columns: {}, where: where(['delya'], late) })),
      'entities.x.where',
      /no column 'delya'/,
      /^Use 'delay', if/,
    ],
    [
      'an async predicate',
      withEntity(({ id, where }) => ({
        kind: 'rows',
        id: id('i'),
        columns: {},
        where: where(['delay'], async () => true),
      })),
      'entities.x.where',
      /async/,
      /plain function/,
    ],
  ],
  columns: [
    [
      'a misspelt source column',
      withColumn(() => 'dalay'),
      c,
      /the row contract has no column 'dalay'/,
      /^Use 'delay', if/,
    ],
    ['one like none', withColumn(() => 'quux'), c, /no column 'quux'/, /^Use one of 'date', 'delay'/],
    ['a number', withColumn(() => 3), c, /3 is not a column/, /map\(\), compute\(\)/],
    ['a name of Object.prototype', withColumn(() => 'constructor'), c, /no column 'constructor'/, /^Use one of/],
    ['first in rows', withColumn(({ first }) => first('date')), c, /keyed entities/, /name alone/],
    [
      'map of a misspelt column',
      withColumn(({ map }) => map('dalay', late, type.boolean)),
      c,
      /no column 'dalay'/,
      /'delay'/,
    ],
    [
      'map without a function',
      withColumn(({ map }) => map('delay', type.int32, undefined)),
      c,
      /an object where a function belongs/,
      /^$/,
    ],
    [
      'map without a type',
      withColumn(({ map }) => map('delay', late, undefined)),
      c,
      /undefined is not a type/,
      /type\.string, .*type\.decimal/,
    ],
    ['a type by name', withColumn(({ map }) => map('delay', late, 'int32')), c, /'int32' is not a type/, /type\.int32/],
    [
      'a type without its arguments',
      withColumn(({ map }) => map('delay', late, type.decimal)),
      c,
      /needs arguments/,
      /decimal\(12, 2\)/,
    ],
    ['an async map', withColumn(({ map }) => map('delay', async () => 1, type.int32)), c, /async/, /plain function/],
    [
      'compute of a name',
      withColumn(({ compute }) => compute('delay', late, type.boolean)),
      c,
      /not a list of source columns/,
      /\['a', 'b'\]/,
    ],
    [
      'compute of nothing',
      withColumn(({ compute }) => compute([], late, type.boolean)),
      c,
      /names no source column/,
      /constant\(\)/,
    ],
    [
      'compute of a misspelt column',
      withColumn(({ compute }) => compute(['date', 'dely'], late, type.boolean)),
      c,
      /'dely'/,
      /'delay'/,
    ],
    ['a constant of another type', withColumn(({ constant }) => constant('12', type.int32)), c, /12/, /stated type/],
    ['a sequence without a name', withColumn(({ nextId }) => nextId(undefined)), c, /undefined is not a name/, /a-z/],
    [
      'a start below 0',
      withColumn(({ nextId }) => nextId('s', { start: -1 })),
      `${c}.start`,
      /-1 is not a number from 0/,
      /whole/,
    ],
    [
      'a start beyond',
      withColumn(({ nextId }) => nextId('s', { start: 2n ** 63n })),
      `${c}.start`,
      /9223372036854775808n/,
      /whole/,
    ],
    [
      'a step of 0',
      withColumn(({ nextId }) => nextId('s', { step: 0 })),
      `${c}.step`,
      /0 is not a number from 1/,
      /whole/,
    ],
    [
      'a misspelt sequence option',
      withColumn(({ nextId }) => nextId('s', { stat: 5 })),
      `${c}.stat`,
      /known option/,
      /'start'/,
    ],
    [
      'two IDs of one sequence',
      withEntity(({ id, nextId }) => ({ kind: 'rows', id: id('i', { sequence: 's' }), columns: { c: nextId('s') } })),
      'entities.x.columns',
      /two IDs from sequence 's'/,
      /another sequence/,
    ],
    [
      'names that differ in case',
      withEntity(({ id }) => ({ kind: 'rows', id: id('Delay'), columns: { delay: 'delay' } })),
      'entities.x.columns',
      /'Delay' and 'delay' differ in case only/,
      /^Rename/,
    ],
    [
      'a name twice',
      withEntity(({ id }) => ({ kind: 'rows', id: id('delay'), columns: { delay: 'delay' } })),
      'entities.x.columns',
      /'delay' is there twice/,
      /^Rename/,
    ],
    [
      'a column without a name',
      withEntity(({ id }) => ({ kind: 'rows', id: id('i'), columns: { '': 'delay' } })),
      'entities.x.columns',
      /'' is not a column name/,
      /not empty/,
    ],
    [
      'too many',
      withEntity(({ id }) => ({
        kind: 'rows',
        id: id('i'),
        columns: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, 'delay'])),
      })),
      'entities.x.columns',
      /1001 columns/,
      /1000/,
    ],
  ],
  references: [
    [
      'an unknown entity',
      withColumn(({ ref }) => ref('airport', { code: 'origin' })),
      c,
      /there is no keyed entity 'airport'/,
      /^Use 'airports', if/,
    ],
    [
      'a rows entity',
      withColumn(({ ref }) => ref('flights', { flight_id: 'origin' })),
      c,
      /no keyed entity 'flights'/,
      /rowRef\('flights'\)/,
    ],
    [
      'no key',
      withColumn(({ ref }) => ref('airports', undefined)),
      c,
      /undefined is not a key/,
      /ref\('airports', \{ code: 'source column' \}\)/,
    ],
    [
      'a missing component',
      withColumn(({ ref }) => ref('routes', { from: 'origin' })),
      `${c}.to`,
      /needs 'to'/,
      /\{ from: 'source column', to: 'source column' \}/,
    ],
    [
      'an unknown component',
      withColumn(({ ref }) => ref('airports', { cod: 'origin' })),
      `${c}.cod`,
      /no 'cod'/,
      /^Use 'code', if/,
    ],
    [
      'a misspelt column',
      withColumn(({ ref }) => ref('airports', { code: 'orgin' })),
      `${c}.code`,
      /no column 'orgin'/,
      /'origin'/,
    ],
    [
      'another type',
      withColumn(({ ref }) => ref('airports', { code: 'delay' })),
      `${c}.code`,
      /is a string, source column 'delay' a number/,
      /row contract/,
    ],
    [
      'an unknown member that the sequence may give',
      withColumn(({ ref }) => ref('airports', { code: 'origin' }, { missing: 1 })),
      `${c}.missing`,
      /1 is an ID that sequence 'flights.airports' may give: it starts at 1/,
      /^Use a number below 1, such as 0\.$/,
    ],
    [
      'an unknown member that is no whole number',
      withColumn(({ ref }) => ref('airports', { code: 'origin' }, { missing: 0.5 })),
      `${c}.missing`,
      /0\.5 is not a whole number/,
      /such as 0 or -1/,
    ],
    [
      'an unknown member with a further ID',
      {
        entities: ({ id, nextId, ref }: Words) => ({
          airports: {
            kind: 'keyed',
            id: id('airport_id'),
            key: { code: 'origin' },
            columns: { no: nextId('numbers') },
          },
          x: { kind: 'rows', id: id('x_id'), columns: { c: ref('airports', { code: 'origin' }, { missing: 0 }) } },
        }),
      },
      `${c}.missing`,
      /'airports' has a further ID 'no', and its unknown member has none/,
      /to another entity/,
    ],
    [
      'an unknown option of a reference',
      withColumn(({ ref }) => ref('airports', { code: 'origin' }, { absent: 0 })),
      `${c}.absent`,
      /is not a known option/,
      /'missing'/,
    ],
    [
      'rowRef to nothing',
      withColumn(({ rowRef }) => rowRef('flight')),
      c,
      /no rows entity 'flight'/,
      /^Use 'flights', if/,
    ],
    [
      'rowRef to a keyed entity',
      withColumn(({ rowRef }) => rowRef('airports')),
      c,
      /no rows entity 'airports'/,
      /ref\('airports'/,
    ],
    ['rowRef to itself', withColumn(({ rowRef }) => rowRef('x')), c, /the entity it is in/, /already there/],
  ],
  'keyed entities': [
    ['an unchanged column', withKeyed(() => ({ columns: { c: 'date' } })), c, /one row for many/, /first\('date'\)/],
    [
      'rowRef',
      withKeyed(({ rowRef }) => ({ columns: { c: rowRef('flights') } })),
      c,
      /rows entities/,
      /many source rows/,
    ],
    ['no key', withKeyed(() => ({ key: undefined })), 'entities.x.key', /undefined, not an object/, /^$/],
    ['an empty key', withKeyed(() => ({ key: {} })), 'entities.x.key', /no component/, /key: \{ code: 'origin' \}/],
    [
      'a misspelt key',
      withKeyed(() => ({ key: { code: 'orign' } })),
      'entities.x.key.code',
      /no column 'orign'/,
      /'origin'/,
    ],
    [
      'a mixed key',
      withKeyed(() => ({ key: { code: 'origin', kind: z.string() } })),
      'entities.x.key',
      /mixes/,
      /throughout/,
    ],
    [
      'a key of any type',
      withKeyed(() => ({ key: { code: 'anything' } })),
      'entities.x.key.code',
      /no type/,
      /row contract/,
    ],
    [
      'a key type that checks',
      withKeyed(() => ({ key: { code: z.string().length(3) } })),
      'entities.x.key.code',
      /more than state a type/,
      /z\.string\(\)/,
    ],
    [
      'a nullable key type',
      withKeyed(() => ({ key: { code: z.string().nullable() } })),
      'entities.x.key.code',
      /more than state a type/,
      /bare type/,
    ],
    [
      'nothing brings keys',
      withKeyed(() => ({ key: { code: z.string() } })),
      'entities.x',
      /nothing brings keys/,
      /ref\(\)/,
    ],
    [
      'first without an own feed',
      withKeyed(({ first }) => ({ key: { code: z.string() }, columns: { c: first('date') } })),
      c,
      /only references bring keys/,
      /source columns/,
    ],
    [
      'where without an own feed',
      withKeyed(({ where }) => ({ key: { code: z.string() }, where: where(['delay'], late) })),
      'entities.x.where',
      /only references/,
      /source columns/,
    ],
    [
      'a key index of another',
      withKeyed(() => ({ index: sharedIndex('flights.airports') })),
      'entities.x.index',
      /key index of 'airports' too/,
      /its own/,
    ],
    [
      'a key index that is not declared',
      withKeyed(() => ({ index: 'customers' })),
      'entities.x.index',
      /'customers' is not a shared key index/,
      /sharedIndex\('customers'\)/,
    ],
    [
      'an unknown way to publish keys',
      withKeyed(() => ({ publish: 'all' })),
      'entities.x.publish',
      /'all' is not an option/,
      /'new'.*'seen'/,
    ],
    [
      'a further ID of rows that are repeated',
      withKeyed(({ nextId }) => ({ publish: 'seen', columns: { other: nextId('s') } })),
      'entities.x.publish',
      /'other' was given once/,
      /new keys only/,
    ],
    [
      'changes where nothing can change',
      withKeyed(() => ({ onChange: 'report', columns: {} })),
      'entities.x.onChange',
      /no attribute that could change/,
      /first\('column'\)/,
    ],
    [
      'a column that the changes dataset has anyway',
      withKeyed(({ first }) => ({
        key: { code: 'origin' },
        onChange: 'report',
        columns: { source_row: first('delay') },
      })),
      'entities.x.columns.source_row',
      /changes dataset has anyway/,
      /another name/,
    ],
    [
      'a key named as its ID',
      withKeyed(({ id }) => ({ id: id('code') })),
      'entities.x.columns',
      /'code' is there twice/,
      /^Rename/,
    ],
  ],
};

function refusal(change: Loose): OrdinalError {
  try {
    compile(definition(change));
  } catch (thrown) {
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    return thrown;
  }
  return assert.fail('not refused');
}

/** A row contract with record types, and one entity of it. */
function withTypes(make: (words: Words) => unknown): Loose {
  return {
    row: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('order'), no: z.string(), amount: z.number() }),
      z.object({ kind: z.literal('refund'), no: z.string() }),
    ]),
    entities: (words: Words) => ({ x: make(words) }),
  };
}

const people = shared('people', { id: 'person_id', key: { email: z.string() }, columns: { name: type.string } });

const ofTypesAndPlaces: [mistake: string, change: Loose, field: string, message: RegExp, remedy: RegExp][] = [
  [
    'an unknown record type',
    withTypes(({ id }) => ({ kind: 'rows', when: 'ordr', id: id('i'), columns: {} })),
    'entities.x.when',
    /'ordr' is not a record type of 'kind'/,
    /^Use 'order', if/,
  ],
  [
    'a column of another record type',
    withTypes(({ id }) => ({ kind: 'rows', when: 'refund', id: id('i'), columns: { a: 'amount' } })),
    'entities.x.columns.a',
    /rows of kind 'refund' have no column 'amount'/,
    /^Use one of 'kind', 'no'/,
  ],
  [
    'a record type without any',
    withEntity(({ id }) => ({ kind: 'rows', when: 'order', id: id('i'), columns: {} })),
    'entities.x.when',
    /needs a row contract with record types/,
    /discriminatedUnion/,
  ],
  [
    'no record type',
    withTypes(({ id }) => ({ kind: 'rows', when: [], id: id('i'), columns: {} })),
    'entities.x.when',
    /names no record type/,
    /leave it out/,
  ],
  [
    'a text as a constant part of a key',
    withKeyed(() => ({ key: { tenant: 'DE', code: 'origin' } })),
    'entities.x.key.tenant',
    /the row contract has no column 'DE'/,
    /Use one of/,
  ],
  [
    'a constant that no key can have',
    withKeyed(({ constant }) => ({ key: { code: constant(new Uint8Array(2), type.bytes) } })),
    'entities.x.key.code',
    /no key can have/,
    /text/,
  ],
  [
    'a constant without a type',
    withColumn(({ constant }) => constant(1.5)),
    c,
    /undefined is not a type/,
    /type\.float64/,
  ],
  [
    'a computed part of a key of another kind',
    withColumn(({ ref, compute }) => ref('airports', { code: compute(['delay'], late, type.boolean) })),
    `${c}.code`,
    /key 'code' of 'airports' is a string, source column '.*' a boolean/,
    /same type/,
  ],
  [
    'a folder that is a column',
    { source: { ...places, partitions: { date: z.date() } } },
    'source.partitions.date',
    /row contract too/,
    /once/,
  ],
  [
    'a folder without a type',
    { source: { ...places, partitions: { region: 'eu' } } },
    'source.partitions.region',
    /zod schema/,
    /z\.date/,
  ],
  [
    'a folder of bytes',
    { source: { ...places, partitions: { r: z.instanceof(Uint8Array) } } },
    'source.partitions.r',
    /cannot be read as bytes/,
    /string/,
  ],
  [
    'a folder with a slash',
    { source: { ...places, partitions: { 'a/b': z.string() } } },
    'source.partitions.a/b',
    /not the name of a folder/,
    /'\/'/,
  ],
  [
    'a misspelt option of the source',
    { source: { ...places, partition: {} } },
    'source.partition',
    /known option/,
    /'partitions'/,
  ],
  [
    'no shared entity',
    withEntity(() => ({ kind: 'shared', entity: 'people' })),
    'entities.x.entity',
    /'people' is not a shared entity/,
    /shared\('name'/,
  ],
  [
    'a shared column that is not there',
    withEntity(({ first }) => ({
      kind: 'shared',
      entity: people,
      key: { email: 'origin' },
      columns: { nam: first('origin') },
    })),
    'entities.x.columns.nam',
    /the shared entity 'people' has no column 'nam'/,
    /'name'/,
  ],
  [
    'a shared column of another type',
    withEntity(({ first }) => ({
      kind: 'shared',
      entity: people,
      key: { email: 'origin' },
      columns: { name: first('delay') },
    })),
    'entities.x.columns.name',
    /is a number, and STRING .*in the shared entity/,
    /map\(\)/,
  ],
  [
    'a shared column computed as another type',
    withEntity(({ compute }) => ({
      kind: 'shared',
      entity: people,
      key: { email: 'origin' },
      columns: { name: compute(['delay'], late, type.json) },
    })),
    'entities.x.columns.name',
    /is JSON .*, and STRING/,
    /same type/,
  ],
  [
    'a shared key that is not there',
    withEntity(() => ({ kind: 'shared', entity: people, key: { emal: 'origin' } })),
    'entities.x.key.emal',
    /has no 'emal'/,
    /'email'/,
  ],
  [
    'a shared key of another kind',
    withEntity(() => ({ kind: 'shared', entity: people, key: { email: 'delay' } })),
    'entities.x.key.email',
    /is a number/,
    /string/,
  ],
  [
    'an option of a shared entity',
    withEntity(() => ({ kind: 'shared', entity: people, key: { email: 'origin' }, publish: 'seen' })),
    'entities.x.publish',
    /known option/,
    /'/,
  ],
];
cases['record types, folders and shared entities'] = ofTypesAndPlaces;

test('the pipeline that is changed below is right', () => {
  assert.equal(compile(definition({})).name, 'flights');
  assert.equal(compile(definition(withColumn(() => 'delay'))).entities.length, 4);
  assert.equal(compile(definition(withKeyed(() => ({})))).entities.length, 4);
});

for (const [area, mistakes] of Object.entries(cases)) {
  describe(area, () => {
    for (const [mistake, change, field, message, remedy] of mistakes) {
      test(mistake, () => {
        const error = refusal(change);
        assert.equal(error.code, 'InvalidPipeline');
        assert.equal(error.retryable, false);
        assert.equal(error.where?.field, field);
        assert.match(error.message, message);
        assert.match(error.remedy ?? '', remedy);
        if (field !== 'name' && !field.startsWith('pipeline.')) {
          assert.ok(error.message.startsWith(`pipeline flights: ${field}: `), error.message);
          assert.equal(error.where?.pipeline, 'flights');
        }
      });
    }
  });
}

test('one sequence, two statements', () => {
  const { message, where } = refusal({
    entities: ({ id }: Words) => ({
      a: { kind: 'rows', id: id('i', { sequence: 's', start: 5 }), columns: {} },
      b: { kind: 'rows', id: id('i', { sequence: 's', start: 6 }), columns: {} },
    }),
  });
  assert.equal(where?.field, 'entities.b.id');
  assert.match(message, /start 6 and step 1 here, start 5 and step 1 at entities\.a\.id/);
});

describe('types that are none', () => {
  for (const [precision, scale] of [
    [0, 0],
    [19, 2],
    [5, 6],
    [5.5, 1],
    [5, -1],
  ] as const) {
    test(`decimal(${precision}, ${scale})`, () => {
      assert.throws(() => type.decimal(precision, scale), {
        code: 'InvalidPipeline',
        remedy: /1 to 18 for the precision/,
      });
    });
  }
  test('an unknown unit', () => {
    assert.throws(() => type.timestampIn('SECONDS' as never), { code: 'InvalidPipeline', remedy: /MILLIS/ });
  });
  test('one that throws within entities is the pipeline’s', () => {
    const error = refusal({ entities: ({ constant }: Words) => ({ a: constant(1, type.decimal(50, 2)) }) });
    assert.equal(error.where?.pipeline, 'flights');
    assert.match(error.message, /decimal\(50, 2\) is not a type/);
  });
});
