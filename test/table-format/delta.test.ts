/**
 * Delta logs by themselves: races, checkpoints, columns that come later, what others do to a table, and what is refused.
 * The engine that reads the tables knows nothing of this code.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { writeTable } from '../../src/parquet/table.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { deltaType } from '../../src/pipeline/delta-types.ts';
import { delta } from '../../src/table-format/delta.ts';
import { deltaStatistics } from '../../src/table-format/delta-statistics.ts';
import type { TablePlace } from '../../src/table-format/table-format.ts';
import { DuckReader } from '../engine/support/reader.ts';
import { peerTest } from '../parquet/support/peers.ts';
import { importWithBug, type PlantedBug } from '../run/support/planted.ts';
import { underLimits } from '../support/limits.ts';
import { commitsOf } from '../tables/support/check-tables.ts';
import { readTables } from '../tables/support/delta-reader.ts';
import {
  column,
  commit,
  commitRuns,
  id,
  ids,
  long,
  madeAnew,
  optimise,
  put,
  races,
  readByOthers,
  text,
  world,
} from './support/races.ts';

const twoEach = (runs: number) => Array.from({ length: 2 * runs }, (_, i) => [String(i)]);

test('committers that race take versions in turn: none is missing, and nothing is there twice', async () => {
  for (let seed = 1; seed <= 20; seed++) await races(seed);
});

peerTest('whoever reads a table finds each row once, whatever is repeated, raced for or rewritten', async () => {
  await readByOthers(readTables);
});

type Races = typeof import('./support/races.ts');
const read = ({ readByOthers }: Races) => readByOthers(readTables);

const bugs: (PlantedBug & { caughtBy: (planted: Races) => Promise<void> })[] = [
  {
    name: 'a commit is written over whoever was faster',
    file: 'src/table-format/delta.ts',
    find: "const options = { ifAbsent: true, contentType: 'application/json' };",
    replace: "const options = { contentType: 'application/json' };",
    caughtBy: ({ races }) => races(1),
  },
  {
    name: 'a change that was committed is committed again',
    file: 'src/table-format/delta.ts',
    find: 'return (this.#state.transactions.get(app) ?? -1) >= version;',
    replace: "return version < 0 && app === '';",
    caughtBy: read,
  },
  {
    name: 'a version is left out',
    file: 'src/table-format/delta.ts',
    find: 'const version = this.#state.version + 1;',
    replace: 'const version = this.#state.version + (this.#state.version < 1 ? 1 : 2);',
    caughtBy: read,
  },
  {
    name: 'statistics state the least value as the greatest',
    file: 'src/table-format/delta-statistics.ts',
    find: "const max = bound(type, holding, 'maxValue');",
    replace: "const max = bound(type, holding, 'minValue');",
    caughtBy: read,
  },
  {
    name: 'what a process has read of a log is not compared with the log',
    file: 'src/table-format/delta-log.ts',
    find: 'commits.get(version) === etag)',
    replace: 'commits.has(version) && etag !== undefined)',
    caughtBy: (planted) => planted.madeAnew(),
  },
];

for (const bug of bugs) {
  peerTest(`caught: ${bug.name}`, async () => {
    const planted = await importWithBug<Races>('test/table-format/support/races.ts', bug);
    await assert.rejects(bug.caughtBy(planted), (thrown: { name: string; code?: string }) => {
      // Our own reader finds a hole before others do.
      return thrown.name === 'AssertionError' || thrown.code === 'CorruptFile';
    });
  });
}

test('a log that was made anew by somebody else is read anew', async () => {
  await madeAnew();
  await underLimits({ keptTableEntriesMax: 0 }, madeAnew);
});

peerTest('a checkpoint every hundred commits stands for them, for us and for others', async () => {
  const { store, place } = await world();
  await commitRuns(place, 0, 150);
  await commitRuns(place, 150, 205);
  const names = store.names('published', 'p/e/_delta_log/');
  assert.deepEqual(
    names.filter((name) => name.endsWith('.parquet')).map((name) => Number(name.slice(16, 36).replace(/\D/g, ''))),
    [100, 200],
  );
  // As cleaners of logs do: what a checkpoint covers goes.
  for (const name of names) if (/0(0\d\d|1\d\d)\.json$/.test(name)) await store.remove('published', name);
  assert.deepEqual(await readTables(store, [{ folder: place.folder, columns: [id] }]), [twoEach(205)]);
  const table = await delta.begin(place);
  assert.ok(table.has('ordinal/r0', 1) && table.has('ordinal/r204', 1) && !table.has('ordinal/r205', 1));
  assert.equal(table.files.size, 205);
  await commit(place, 205);
  assert.deepEqual(await readTables(store, [{ folder: place.folder, columns: [id] }]), [twoEach(206)]);
});

peerTest('columns that come later are null in older files; timestamps without a zone raise the protocol', async () => {
  const { store, place } = await world();
  await commit(place, 0);
  const local: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MICROS', utc: false } };
  const file = await put(place, 'r1-00000.parquet', [ids(2, 1), column('at', local, [1_700_000_000_123_456n])]);
  const change = await delta.begin(place);
  const columns = [id, { name: 'at', type: local }];
  change.setColumns(columns);
  change.add({ app: 'ordinal/r1', version: 1, add: [file] });
  await change.commit();
  const { protocol } = commitsOf(store, place.folder)[1]!.find((action) => action.protocol)!;
  assert.deepEqual([protocol!.minReaderVersion, protocol!.readerFeatures], [3, ['timestampNtz']]);
  assert.deepEqual(protocol!.writerFeatures, ['appendOnly', 'invariants', 'timestampNtz']);
  assert.deepEqual(await readTables(store, [{ folder: place.folder, columns }]), [
    [
      ['0', null],
      ['1', null],
      ['2', '1700000000123456000ns'],
    ],
  ]);
});

test('a table keeps the types of its columns; a file of other types is refused by name', async () => {
  const { place } = await world();
  await commit(place, 0);
  const change = await delta.begin(place);
  assert.throws(() => change.setColumns([{ name: 'id', type: text }]), {
    code: 'ColumnTypeMismatch',
    message: /"id" would be string, and table "p\/e" has "id" as long/,
  });
  const millis: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MILLIS', utc: true } };
  const file = await put(place, 'r1-00000.parquet', [column('at', millis, [5n])]);
  change.setColumns([id, { name: 'at', type: millis }]);
  assert.throws(() => change.add({ app: 'a', version: 1, add: [file] }), {
    code: 'ColumnTypeMismatch',
    message: /"at"/,
  });
});

peerTest('files that others have rewritten are told, and stay out; what a withdrawn run brought goes', async () => {
  const { store, place } = await world();
  for (let run = 0; run < 3; run++) await commit(place, run);
  await optimise(place, [0, 1]);
  assert.deepEqual(
    (await delta.rewrites(place)).map(({ name, version, operation }) => [name, version, operation]),
    [0, 1].map((run) => [`r${run}-00000.parquet`, 3, 'OPTIMIZE']),
  );
  await commit(place, 3);
  // Committed once, it is not committed again, although its file is not in the table any more.
  await commit(place, 0);
  assert.deepEqual(await readTables(store, [{ folder: place.folder, columns: [id] }]), [twoEach(4)]);
  const change = await delta.begin(place);
  change.add({ app: 'ordinal/r2/withdrawn', version: 1, remove: (name) => name.startsWith('r2-') });
  assert.equal(await change.commit(), 5);
  assert.deepEqual(await readTables(store, [{ folder: place.folder, columns: [id] }]), [
    ['0', '1', '2', '3', '6', '7'].map((one) => [one]),
  ]);
  // A commit of the run that was held up comes too late.
  const late = await delta.begin(place);
  const file = await put(place, 'r2~2-00000.parquet', [ids(4, 2)]);
  late.add({ app: 'ordinal/r2', version: 2, add: [file], unless: { app: 'ordinal/r2/withdrawn', version: 1 } });
  assert.equal(await late.commit(), undefined);
});

peerTest('a log with a hole or a damaged line is refused by name, by us and by others', async () => {
  const { store, place } = await world();
  for (let run = 0; run < 3; run++) await commit(place, run);
  const name = 'p/e/_delta_log/00000000000000000001.json';
  const bytes = store.bytes('published', name);
  await store.remove('published', name);
  await assert.rejects(delta.begin(place), { code: 'CorruptFile', message: /version 1 is missing/ });
  const [read] = await readTables(store, [{ folder: place.folder, columns: [id] }]);
  assert.equal(typeof read, 'string');
  await store.write('published', name, Buffer.from(`${Buffer.from(bytes).toString()}{"add": 5}\n`));
  await assert.rejects(delta.begin(place), { code: 'CorruptFile', message: /no action/ });
  await store.write('published', name, Buffer.from('{"add": '));
  await assert.rejects(delta.begin(place), { code: 'CorruptFile', message: /not JSON/ });
});

test('what a table needs beyond adding files is refused by name', async () => {
  const cases: [RegExp, (protocol: object, metaData: object) => [object, object]][] = [
    [
      /feature icebergCompatV2/,
      (_, m) => [{ minReaderVersion: 3, minWriterVersion: 7, writerFeatures: ['icebergCompatV2'] }, m],
    ],
    [/newer than 3\/7/, (_, m) => [{ minReaderVersion: 4, minWriterVersion: 8 }, m]],
    [/constraints/, (p, m) => [p, { ...m, configuration: { 'delta.constraints.positive': 'id > 0' } }]],
    [
      /forgets transactions/,
      (p, m) => [p, { ...m, configuration: { 'delta.setTransactionRetentionDuration': 'interval 7 days' } }],
    ],
    [/partitioned by day/, (p, m) => [p, { ...m, partitionColumns: ['day'] }]],
    [
      /rule for column "id"/,
      (p, m) => [
        p,
        {
          ...m,
          schemaString: JSON.stringify({
            type: 'struct',
            fields: [{ name: 'id', type: 'long', nullable: true, metadata: { 'delta.invariants': 'x' } }],
          }),
        },
      ],
    ],
  ];
  for (const [message, change] of cases) {
    const { store, place } = await world();
    await commit(place, 0);
    const actions = commitsOf(store, place.folder)[0]!;
    const [protocol, metaData] = change(
      actions.find((action) => action.protocol)!.protocol!,
      actions.find((action) => action.metaData)!.metaData!,
    );
    const body = [{ commitInfo: {} }, { protocol }, { metaData }].map((line) => `${JSON.stringify(line)}\n`).join('');
    await store.write('published', 'p/e/_delta_log/00000000000000000001.json', Buffer.from(body));
    await assert.rejects(delta.begin(place), { code: 'UnsupportedFile', message });
  }
});

/** Puts the next commit of another engine. */
async function foreign(place: TablePlace, version: number, lines: readonly object[]): Promise<void> {
  const name = `${place.folder}/_delta_log/${String(version).padStart(20, '0')}.json`;
  await place.store.write(
    place.container,
    name,
    Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
  );
}

test('a file of which another engine deleted rows stays, whatever the order of the actions, and goes with its run', async () => {
  const { store, place } = await world();
  for (let run = 0; run < 2; run++) await commit(place, run);
  const vector = (offset: number) => ({
    ...{ storageType: 'u', pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^', offset, sizeInBytes: 4, cardinality: 1 },
  });
  const path = 'r0-00000.parquet';
  const file = { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
  const gone = { path, deletionTimestamp: 1, dataChange: true };
  const features = ['deletionVectors'];
  const protocol = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: features };
  await foreign(place, 2, [{ protocol }, { add: { ...file, deletionVector: vector(1) } }, { remove: gone }]);
  await foreign(place, 3, [
    { remove: { ...gone, deletionVector: vector(1) } },
    { add: { ...file, deletionVector: vector(9) } },
  ]);
  const change = await delta.begin(place);
  assert.deepEqual([...change.files].sort(), ['r0-00000.parquet', 'r1-00000.parquet']);
  change.add({ app: 'ordinal/r0/withdrawn', version: 1, remove: (name) => name.startsWith('r0-') });
  assert.equal(await change.commit(), 4);
  const removes = commitsOf(store, place.folder)[4]!.flatMap(({ remove }) => (remove ? [remove] : []));
  assert.deepEqual(
    removes.map((one) => [one.path, one.deletionVector]),
    [[path, vector(9)]],
  );
  assert.deepEqual([...(await delta.begin(place)).files], ['r1-00000.parquet']);
});

/** Columns of a checkpoint as Spark writes them: more than this code writes. */
const vectorType =
  'STRUCT(storageType VARCHAR, pathOrInlineDv VARCHAR, "offset" INTEGER, sizeInBytes INTEGER, cardinality BIGINT)';
const checkpointTypes = {
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add: `STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT,
    dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR), deletionVector ${vectorType},
    stats_parsed STRUCT(numRecords BIGINT))`,
  remove: `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, deletionVector ${vectorType})`,
  metaData: `STRUCT(id VARCHAR, "name" VARCHAR, "format" STRUCT(provider VARCHAR, "options" MAP(VARCHAR, VARCHAR)),
    schemaString VARCHAR, partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)`,
  protocol: `STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])`,
};

test('a checkpoint of another writer stands for the commits before it', async () => {
  const { store, place } = await world();
  for (let run = 0; run < 3; run++) await commit(place, run);
  const actions = commitsOf(store, place.folder).slice(0, 2).flat();
  const vector = { storageType: 'u', pathOrInlineDv: 'abc', offset: 7, sizeInBytes: 3, cardinality: 1 };
  const features = ['deletionVectors'];
  const records = [
    { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: features } },
    ...actions.flatMap(({ metaData, txn, add }): object[] => {
      if (metaData) return [{ metaData: { ...metaData, createdTime: 1 } }];
      if (txn) return [{ txn }];
      const deletionVector = add?.path === 'r1-00000.parquet' ? vector : null;
      return add ? [{ add: { ...add, deletionVector, stats_parsed: { numRecords: 2 } } }] : [];
    }),
    { remove: { path: 'gone.parquet', deletionTimestamp: 5, dataChange: false } },
  ];
  const duck = await DuckReader.open();
  const json = duck.put(Buffer.from(records.map((one) => `${JSON.stringify(one)}\n`).join('')));
  const columns = Object.entries(checkpointTypes).map(([name, of]) => `${name}: '${of}'`);
  const bytes = await duck.write(
    `FROM read_json('${json}', format = 'newline_delimited', columns = {${columns.join()}})`,
  );
  duck.close();
  const log = 'p/e/_delta_log/';
  await store.write('published', `${log}00000000000000000001.checkpoint.parquet`, bytes);
  for (const version of [0, 1]) await store.remove('published', `${log}0000000000000000000${version}.json`);
  const table = await delta.begin(place);
  assert.deepEqual(
    [...table.files].sort(),
    [0, 1, 2].map((run) => `r${run}-00000.parquet`),
  );
  assert.deepEqual(table.columns, [id]);
  assert.deepEqual(
    [0, 2, 3].map((run) => table.has(`ordinal/r${run}`, 1)),
    [true, true, false],
  );
  table.add({ app: 'ordinal/r1/withdrawn', version: 1, remove: (name) => name.startsWith('r1-') });
  assert.equal(await table.commit(), 3);
  const last = Buffer.from(store.bytes('published', `${log}00000000000000000003.json`)).toString();
  assert.match(last, /"remove":\{"path":"r1-00000.parquet".*"pathOrInlineDv":"abc"/);
});

test('checkpoints of a form that is not read are no damage: the table is refused by name', async () => {
  const { store, place } = await world();
  for (let run = 0; run < 3; run++) await commit(place, run);
  const folder = 'p/e/_delta_log/';
  const name = '00000000000000000001.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet';
  await store.write('published', `${folder}${name}`, Buffer.from('PAR1'));
  for (const version of [0, 1]) await store.remove('published', `${folder}0000000000000000000${version}.json`);
  await assert.rejects(delta.begin(place), { code: 'UnsupportedFile', message: /feature v2Checkpoint/ });
});

test('features that an older protocol implied are named when a column raises it', async () => {
  const { store, place } = await world();
  await commit(place, 0);
  const actions = commitsOf(store, place.folder)[0]!;
  const metaData = {
    ...actions.find((action) => action.metaData)!.metaData!,
    configuration: { 'delta.enableChangeDataFeed': 'true' },
  };
  await foreign(place, 1, [{ protocol: { minReaderVersion: 1, minWriterVersion: 4 } }, { metaData }]);
  const local: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MICROS', utc: false } };
  const change = await delta.begin(place);
  change.setColumns([id, { name: 'at', type: local }]);
  await change.commit();
  const { protocol } = commitsOf(store, place.folder)[2]!.find((action) => action.protocol)!;
  assert.deepEqual(protocol!.writerFeatures, [
    ...['appendOnly', 'invariants', 'checkConstraints', 'changeDataFeed', 'generatedColumns', 'timestampNtz'],
  ]);
});

test('statistics are exact where a footer is, and never tighter than the values', () => {
  const micros = (utc: boolean): ColumnType => ({
    physical: 'INT64',
    annotation: { kind: 'timestamp', unit: 'MICROS', utc },
  });
  const decimal: ColumnType = { physical: 'INT64', annotation: { kind: 'decimal', precision: 18, scale: 4 } };
  const bytes = writeTable([
    column('big', long, [-(2n ** 63n), 2n ** 63n - 1n]),
    column('price', decimal, [-15n, 123456789012345678n]),
    column('day', { physical: 'INT32', annotation: { kind: 'date' } }, [-1n, 20000n]),
    column('at', micros(true), [-1n, 1_700_000_000_123_456n]),
    column('local', micros(false), [0n, 1_700_000_000_000_000n]),
    column('ratio', { physical: 'DOUBLE' }, [0.5, 1.5]),
    column('note', text, ['a', 'b'.repeat(40)]),
    column('raw', { physical: 'BYTE_ARRAY' }, [Uint8Array.of(1), Uint8Array.of(2)]),
  ]);
  const said = deltaStatistics(parseFooter(bytes, bytes.length, 'f'));
  assert.match(said, /"big":-9223372036854775808.*"big":9223372036854775807/);
  assert.match(said, /"price":-0\.0015.*"price":12345678901234\.5678/);
  const { numRecords, minValues, maxValues, nullCount } = JSON.parse(said);
  assert.equal(numRecords, 2);
  assert.deepEqual([minValues.day, maxValues.day], ['1969-12-31', '2024-10-04']);
  assert.deepEqual([minValues.at, maxValues.at], ['1969-12-31T23:59:59.999999Z', '2023-11-14T22:13:20.123456Z']);
  assert.deepEqual([minValues.local, maxValues.local], ['1970-01-01T00:00:00.000', '2023-11-14T22:13:20.000']);
  assert.deepEqual([minValues.note, maxValues.note], ['a', `${'b'.repeat(32)}\u{10ffff}`]);
  // Whether a NaN is among the values, a footer does not say.
  assert.deepEqual([minValues.ratio, maxValues.ratio, minValues.raw], [undefined, undefined, undefined]);
  assert.equal(nullCount.ratio, 0);
});

test('each Parquet type has one in a table, is widened, or is refused by name', () => {
  const int = (bitWidth: 8 | 16 | 32 | 64, signed: boolean): ColumnType => ({
    physical: bitWidth === 64 ? 'INT64' : 'INT32',
    annotation: { kind: 'int', bitWidth, signed },
  });
  const name = (type: ColumnType) => {
    const made = deltaType(type);
    return 'refused' in made ? made.refused : made.name;
  };
  const timestamp = (unit: 'MILLIS' | 'MICROS' | 'NANOS', utc: boolean): ColumnType => ({
    physical: 'INT64',
    annotation: { kind: 'timestamp', unit, utc },
  });
  assert.deepEqual(
    [int(8, true), int(16, true), int(32, true), int(64, true), int(8, false), int(16, false), int(32, false)].map(
      name,
    ),
    ['byte', 'short', 'integer', 'long', 'short', 'integer', 'long'],
  );
  assert.match(name(int(64, false)), /unsigned with 64 bits/);
  assert.deepEqual([timestamp('MILLIS', true), timestamp('MICROS', false)].map(name), ['timestamp', 'timestamp_ntz']);
  assert.match(name(timestamp('NANOS', true)), /nanoseconds/);
  assert.match(name({ physical: 'INT64', annotation: { kind: 'time', unit: 'MICROS', utc: true } }), /TIME\(MICROS/);
  assert.match(name({ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 16, annotation: { kind: 'uuid' } }), /UUID/);
});
