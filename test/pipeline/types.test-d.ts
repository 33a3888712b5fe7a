/**
 * What the type checker promises to pipeline authors. `tsc` (part of `npm run check`) fails when a mistake marked
 * with @ts-expect-error is not one any more, and when a right pipeline is refused. Nothing here runs.
 */
import { z } from 'zod';
import { pipeline, shared, sharedIndex, type } from '../../src/pipeline/index.ts';

const row = z.object({
  date: z.date(),
  delay: z.int(),
  distance: z.int().nonnegative().nullable(),
  origin: z.string().length(3),
  destination: z.string().length(3),
  memo: z.string().optional(),
  flag: z.stringbool(),
  serial: z.bigint(),
  picture: z.instanceof(Uint8Array),
  cabin: z.enum(['first', 'economy']),
});
const head = { name: 'flights', source: { container: 'landing', prefix: 'flights/' }, row } as const;

// Right in every respect: functions see what the schemas give out, null where the contract has it.
pipeline({
  ...head,
  onInvalid: 'quarantine',
  maxRejected: 0.05,
  idEncoding: 'delta',
  output: { container: 'published', prefix: 'air/' },
  arrival: { on: 'quiet', seconds: 30 },
  entities: ({ id, nextId, ref, rowRef, first, map, compute, constant, where }) => ({
    airports: {
      kind: 'keyed',
      id: id('airport_id', { start: 1000, step: 10n }),
      key: { code: z.string() },
      index: sharedIndex('airports'),
    },
    cabins: {
      kind: 'keyed',
      id: id('cabin_id'),
      key: { name: z.string() },
      columns: { origin: constant('p', type.string) },
    },
    routes: {
      kind: 'keyed',
      id: id('route_id', { sequence: 'routes' }),
      key: { from: 'origin', to: 'destination' },
      where: where(['distance'], (miles) => miles !== null && miles > 0),
      columns: {
        distance: first('distance'),
        band: map('distance', (miles: number | null) => (miles === null ? null : Math.floor(miles / 500)), type.int32),
        origin_id: ref('airports', { code: 'origin' }),
        other_id: nextId('others'),
      },
    },
    flights: {
      kind: 'rows',
      id: id('flight_id'),
      where: where(['flag', 'cabin'], (flag: boolean, cabin: 'first' | 'economy') => flag && cabin === 'first'),
      columns: {
        origin_id: ref('airports', { code: 'origin' }),
        cabin_id: ref('cabins', { name: 'cabin' }),
        memo_id: ref('airports', { code: 'memo' }),
        route_id: ref('routes', { from: 'origin', to: 'destination' }),
        date: 'date',
        memo: map('memo', (memo: string | null) => memo?.trim() ?? '', type.string),
        late: compute(['delay', 'date'], (delay, date) => delay > 15 && date.getTime() > 0, type.boolean),
        doubled: map('serial', (serial) => serial * 2n, type.int64),
        safe: map('serial', (serial) => Number(serial), type.int64),
        size: map('picture', (bytes) => bytes.length, type.int32),
        price: constant('12.50', type.decimal(12, 2)),
        made: constant(new Date(0), type.timestampIn('MILLIS', { utc: false })),
      },
    },
    delays: { kind: 'rows', id: id('delay_id'), columns: { flight_id: rowRef('flights'), delay: 'delay' } },
  }),
});

// A source column that the contract does not have, wherever one is named.
pipeline({
  ...head,
  entities: ({ id, first, map, compute, where, ref }) => ({
    airports: {
      kind: 'keyed',
      id: id('airport_id'),
      // @ts-expect-error in a key
      key: { code: 'orign' },
      // @ts-expect-error in a predicate
      where: where(['delya'], () => true),
      columns: {
        // @ts-expect-error in first()
        distance: first('distanc'),
      },
    },
    flights: {
      kind: 'rows',
      id: id('flight_id'),
      columns: {
        // @ts-expect-error as an unchanged column
        date: 'dat',
        // @ts-expect-error in map()
        delay: map('delya', () => 1, type.int32),
        // @ts-expect-error in compute(), at any place
        late: compute(['date', 'delya'], () => true, type.boolean),
      },
    },
    others: {
      kind: 'rows',
      id: id('other_id'),
      columns: {
        // @ts-expect-error in a reference
        origin_id: ref('airports', { code: 'orign' }),
      },
    },
  }),
});

// Functions that do not fit the contract or their declared type.
pipeline({
  ...head,
  entities: ({ id, map, compute, constant, where }) => ({
    flights: {
      kind: 'rows',
      id: id('flight_id'),
      // @ts-expect-error a predicate gives a boolean
      where: where(['delay'], (delay) => delay),
      columns: {
        // @ts-expect-error the parameter is a number
        a: map('delay', (delay: string) => delay.length, type.int32),
        // @ts-expect-error the result is declared an int32
        b: map('delay', (delay) => String(delay), type.int32),
        // @ts-expect-error the result is declared a boolean
        c: compute(['delay'], (delay) => delay, type.boolean),
        // @ts-expect-error distance may be null
        d: map('distance', (miles) => Math.round(miles * 1.6), type.int32),
        // @ts-expect-error an optional column may be null too
        e: compute(['memo'], (memo) => memo.length > 3, type.boolean),
        // @ts-expect-error parameters come in the order of the columns
        f: compute(['delay', 'origin'], (origin: string, delay: number) => origin.length > delay, type.boolean),
        // @ts-expect-error one parameter for each column
        g: compute(['delay'], (delay: number, date: Date) => delay > date.getTime(), type.boolean),
        // @ts-expect-error a promise is not a value
        h: map('delay', async (delay) => delay, type.int32),
        // @ts-expect-error the schema gives a boolean where the file has text
        i: map('flag', (flag: string) => flag.length, type.int32),
        // @ts-expect-error a constant of another type
        j: constant(1, type.string),
        // @ts-expect-error a type is needed
        k: map('delay', (delay) => delay),
        // @ts-expect-error a type that needs arguments
        l: map('delay', (delay) => delay, type.decimal),
        // @ts-expect-error not every value of the column
        m: map('cabin', (cabin: 'first') => cabin, type.string),
        // @ts-expect-error nor null
        n: compute(['delay', 'distance'], (delay: number, miles: number) => delay * miles, type.float64),
      },
    },
  }),
});

// References: the mistake is at the column.
pipeline({
  ...head,
  entities: ({ id, ref, rowRef, first }) => ({
    airports: { kind: 'keyed', id: id('airport_id'), key: { code: z.string() } },
    routes: { kind: 'keyed', id: id('route_id'), key: { from: 'origin', to: 'destination' } },
    serials: { kind: 'keyed', id: id('serial_id'), key: { serial: 'serial' } },
    flights: { kind: 'rows', id: id('flight_id'), columns: { airport_id: ref('airports', { code: 'origin' }) } },
    // @ts-expect-error there is no entity 'airport'
    a: { kind: 'rows', id: id('a_id'), columns: { origin_id: ref('airport', { code: 'origin' }) } },
    // @ts-expect-error key 'to' is missing
    b: { kind: 'rows', id: id('b_id'), columns: { route_id: ref('routes', { from: 'origin' }) } },
    c: {
      kind: 'rows',
      id: id('c_id'),
      // @ts-expect-error there is no key 'until'
      columns: { route_id: ref('routes', { from: 'origin', to: 'origin', until: 'origin' }) },
    },
    // @ts-expect-error a number is not a string
    d: { kind: 'rows', id: id('d_id'), columns: { origin_id: ref('airports', { code: 'delay' }) } },
    // @ts-expect-error a number is not a bigint
    e: { kind: 'rows', id: id('e_id'), columns: { serial_id: ref('serials', { serial: 'delay' }) } },
    // @ts-expect-error a rows entity has no key
    f: { kind: 'rows', id: id('f_id'), columns: { flight_id: ref('flights', { flight_id: 'origin' }) } },
    // @ts-expect-error a keyed entity has no row of the same source row
    g: { kind: 'rows', id: id('g_id'), columns: { airport_id: rowRef('airports') } },
    // @ts-expect-error there is no entity 'flight'
    h: { kind: 'rows', id: id('h_id'), columns: { flight_id: rowRef('flight') } },
    // @ts-expect-error only references bring keys: there is no first row
    j: { kind: 'keyed', id: id('j_id'), key: { code: z.string() }, columns: { date: first('date') } },
    // @ts-expect-error in a keyed entity too
    i: { kind: 'keyed', id: id('i_id'), key: { code: 'origin' }, columns: { up: ref('airportz', { code: 'origin' }) } },
  }),
});

// Words in the wrong place.
pipeline({
  ...head,
  entities: ({ id, first, rowRef }) => ({
    airports: {
      kind: 'keyed',
      id: id('airport_id'),
      key: { code: 'origin' },
      columns: {
        // @ts-expect-error of which of the key's rows?
        date: 'date',
        // @ts-expect-error of which of the key's rows?
        flight_id: rowRef('flights'),
      },
    },
    flights: {
      kind: 'rows',
      id: id('flight_id'),
      columns: {
        // @ts-expect-error a rows entity has no first row
        date: first('date'),
      },
    },
    // @ts-expect-error an entity has an ID
    others: { kind: 'rows', columns: { date: 'date' } },
    // @ts-expect-error an option that does not exist
    more: { kind: 'rows', id: id('more_id'), columns: { date: 'date' }, wher: undefined },
  }),
});

pipeline({
  ...head,
  // @ts-expect-error settings are checked as well
  idEncoding: 'dleta',
  entities: ({ id }) => ({ flights: { kind: 'rows', id: id('i'), columns: { date: 'date' } } }),
});

// What starts runs.
const entities = () => ({});
pipeline({ ...head, entities, arrival: { on: 'blob' } });
pipeline({ ...head, entities, arrival: { on: 'marker' } });
pipeline({ ...head, entities, arrival: { on: 'marker', name: '_DONE' } });
// @ts-expect-error no such mode
pipeline({ ...head, entities, arrival: { on: 'quite' } });
// @ts-expect-error only a setting switches arrivals off: leave the line out
pipeline({ ...head, entities, arrival: { on: 'never' } });
// @ts-expect-error an option of another mode
pipeline({ ...head, entities, arrival: { on: 'marker', seconds: 5 } });
// @ts-expect-error of another type
pipeline({ ...head, entities, arrival: { on: 'quiet', seconds: '60' } });
// @ts-expect-error misspelt
pipeline({ ...head, entities, arrival: { on: 'quiet', second: 60 } });
// @ts-expect-error not an object
pipeline({ ...head, entities, arrival: 'quiet' });

// Leaves of groups and folders are columns; functions see null where a group may be missing.
pipeline({
  name: 'nested',
  source: { container: 'landing', prefix: 'n/', partitions: { day: z.date(), region: z.string().nullable() } },
  row: z.object({
    no: z.int(),
    person: z.object({ name: z.string(), address: z.object({ city: z.string() }).nullable() }),
  }),
  entities: ({ id, ref, first, map, compute, constant, sourceFile, sourceRow }) => ({
    days: {
      kind: 'keyed',
      id: id('day_id'),
      key: { day: 'day', tenant: constant('DE') },
      columns: { from: sourceFile() },
    },
    years: {
      kind: 'keyed',
      id: id('year_id'),
      key: { year: compute(['day'], (day) => day.getUTCFullYear(), type.int32) },
      columns: { name: first('person.name') },
    },
    all: {
      kind: 'rows',
      id: id('row_id'),
      columns: {
        city: 'person.address.city',
        line: sourceRow(),
        size: map('person.name', (name) => name.length, type.int32),
        // @ts-expect-error the group may be missing
        letters: map('person.address.city', (city) => city.length, type.int32),
        // @ts-expect-error a folder may be null
        upper: map('region', (region) => region.toUpperCase(), type.string),
        // @ts-expect-error a group is not a column
        person: 'person',
        // @ts-expect-error there is no such leaf
        town: 'person.address.town',
        day_id: ref('days', { day: 'day', tenant: constant('DE') }),
        year_id: ref('years', { year: map('day', (day) => day.getUTCFullYear(), type.int32) }),
      },
    },
    other: {
      kind: 'rows',
      id: id('o'),
      // @ts-expect-error a computed key of another kind
      columns: { year_id: ref('years', { year: map('day', () => 'x', type.string) }) },
    },
  }),
});

// Record types: each entity knows the columns of its own.
const feed = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('order'), no: z.string(), amount: z.number() }),
  z.object({ kind: z.enum(['refund', 'credit']), no: z.string(), reason: z.string().optional() }),
]);
pipeline({
  ...head,
  row: feed,
  entities: ({ id, ref, first, map, compute, where }) => ({
    numbers: { kind: 'keyed', id: id('number_id'), key: { no: z.string() } },
    orders: {
      kind: 'rows',
      when: 'order',
      id: id('order_id'),
      where: where(['amount'], (amount: number) => amount > 0),
      columns: {
        no: 'no',
        // No null to think of: an order has an amount.
        cents: map('amount', (amount: number) => amount * 100, type.float64),
        text: compute(['amount', 'no'], (amount: number, no: string) => `${no}${amount.toFixed(2)}`, type.string),
        number_id: ref('numbers', { no: 'no' }),
        // @ts-expect-error an order has no reason
        reason: 'reason',
        // @ts-expect-error not for a function
        letters: map('reason', (reason) => reason?.length ?? 0, type.int32),
        // @ts-expect-error not for a key
        reason_id: ref('numbers', { no: 'reason' }),
      },
    },
    both: {
      kind: 'rows',
      when: ['order', 'refund'],
      id: id('both_id'),
      columns: {
        // @ts-expect-error a refund has no amount
        cents: map('amount', (amount: number) => amount * 100, type.float64),
      },
    },
    reasons: {
      kind: 'keyed',
      when: ['refund', 'credit'],
      id: id('reason_id'),
      // @ts-expect-error a reason is optional
      where: where(['reason'], (reason: string) => reason !== ''),
      key: {
        no: 'no',
        // @ts-expect-error refunds have none
        amount: 'amount',
      },
      columns: {
        reason: first('reason'),
        // @ts-expect-error refunds have none
        first_amount: first('amount'),
      },
    },
    odd: {
      kind: 'rows',
      // @ts-expect-error there is no such record type
      when: 'ordr',
      id: id('odd_id'),
      columns: {},
    },
    odds: {
      kind: 'rows',
      // @ts-expect-error one of them does not exist
      when: ['order', 'ordr'],
      id: id('odds_id'),
      columns: {},
    },
    all: {
      kind: 'rows',
      id: id('row_id'),
      columns: {
        amount: map('amount', (amount: number | null) => amount ?? 0, type.float64),
        kind: map('kind', (kind: 'order' | 'refund' | 'credit') => kind, type.string),
        // @ts-expect-error refunds have none
        cents: map('amount', (amount) => amount * 100, type.float64),
      },
    },
  }),
});
// @ts-expect-error only a row contract with record types has them
pipeline({ ...head, entities: ({ id }) => ({ a: { kind: 'rows', when: 'order', id: id('i'), columns: {} } }) });

// Shared entities: columns and key are those of the declaration.
const parties = shared('parties', { id: 'party_id', key: { email: z.string() }, columns: { name: type.string } });
pipeline({
  ...head,
  entities: ({ id, ref, first }) => ({
    parties: { kind: 'shared', entity: parties, key: { email: 'origin' }, columns: { name: first('destination') } },
    others: { kind: 'shared', entity: parties },
    // @ts-expect-error the shared entity has no such column
    more: { kind: 'shared', entity: parties, key: { email: 'origin' }, columns: { nam: first('destination') } },
    // @ts-expect-error the shared entity has no such key
    keys: { kind: 'shared', entity: parties, key: { mail: 'origin' } },
    all: { kind: 'rows', id: id('row_id'), columns: { party_id: ref('parties', { email: 'origin' }) } },
    // @ts-expect-error a key of zod types: there is no row to read
    unfed: { kind: 'shared', entity: parties, columns: { name: first('destination') } },
    // @ts-expect-error the shared key is a string
    number: { kind: 'shared', entity: parties, key: { email: 'delay' } },
    // @ts-expect-error an option that the declaration has
    option: { kind: 'shared', entity: parties, publish: 'seen' },
    // @ts-expect-error the shared key is a string
    wrong: { kind: 'rows', id: id('row_id'), columns: { party_id: ref('others', { email: 'delay' }) } },
  }),
});

// What is wrong between entities, each at its column, beside columns that are right.
pipeline({
  ...head,
  entities: ({ id, nextId, ref, rowRef, first, map, where }) => ({
    airports: { kind: 'keyed', id: id('airport_id'), key: { code: z.string() } },
    routes: {
      kind: 'keyed',
      id: id('route_id'),
      key: { from: 'origin', to: 'destination' },
      where: where(['delay'], (delay) => delay > 0),
      partitions: 4,
      publish: 'seen',
      columns: { origin_id: ref('airports', { code: 'origin' }), delay: first('delay') },
    },
    flights: {
      kind: 'rows',
      id: id('flight_id'),
      columns: {
        date: 'date',
        route_id: ref('routes', { from: 'origin', to: 'destination' }),
        late: map('delay', (delay) => delay > 15, type.boolean),
      },
    },
    delays: { kind: 'rows', id: id('delay_id'), columns: { flight_id: rowRef('flights'), delay: 'delay' } },
    cabins: { kind: 'keyed', id: id('cabin_id'), key: { name: 'cabin' } },
    wrong: {
      kind: 'rows',
      id: id('wrong_id', { sequence: 'wrongs' }),
      columns: {
        // @ts-expect-error there is no such source column
        day: 'dat',
        // @ts-expect-error there is no such entity
        a: ref('airport', { code: 'origin' }),
        // @ts-expect-error there is no such key
        b: ref('airports', { cod: 'origin' }),
        // @ts-expect-error a key is missing
        c: ref('routes', { from: 'origin' }),
        // @ts-expect-error a number is not a string
        d: ref('airports', { code: 'delay' }),
        // @ts-expect-error a keyed entity
        e: rowRef('airports'),
        // @ts-expect-error a rows entity has no first row
        f: first('date'),
        // @ts-expect-error the ID has the name
        wrong_id: 'delay',
        // @ts-expect-error the ID's sequence
        g: nextId('wrongs'),
        h: 'delay',
      },
    },
    odd: {
      kind: 'keyed',
      id: id('odd_id'),
      key: {
        // @ts-expect-error there is no such source column
        code: 'orign',
        to: 'destination',
      },
      // @ts-expect-error there is no such option
      colums: {},
      columns: {
        // @ts-expect-error of which of the key's rows?
        date: 'date',
        // @ts-expect-error a key has many rows
        flight_id: rowRef('flights'),
      },
    },
    unfed: {
      kind: 'keyed',
      id: id('unfed_id'),
      key: { code: z.string() },
      columns: {
        // @ts-expect-error only references bring keys
        date: first('date'),
      },
    },
  }),
});
