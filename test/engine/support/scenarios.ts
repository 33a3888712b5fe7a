/** Random pipelines over random columns, from small shapes that fast-check can shrink. */
import fc from 'fast-check';
import { z } from 'zod';
import { limits } from '../../../src/limits.ts';
import { compile } from '../../../src/pipeline/compile.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import { type } from '../../../src/pipeline/index.ts';
import { habitNames } from '../../parquet/support/foreign.ts';
import { canonOf, columnKinds, pickyKinds } from './cells.ts';
import { type Writer, writersHere } from './rewriters.ts';
import type { FileShape, Mode, SourceColumn } from './sources.ts';

/** Types that every engine keeps as they are when it writes a file anew. */
export const commonKinds = [
  'boolean',
  'int32',
  'int32bounded',
  'int64',
  'int64number',
  'double',
  'doubleBounded',
  'string',
  'stringActive',
  'stringTrimmed',
  'stringToLength',
  'stringToNull',
  'date',
  'timestampMillis',
];

/** Every kind whose schema takes all of its values. */
const tameKinds = Object.keys(columnKinds).filter((kind) => !(kind in pickyKinds));

export interface ColumnShape {
  kind: string;
  nullable: boolean;
  nullShare: number;
  distinct: number;
}

interface EntityShape {
  keyed: boolean;
  /** Key components or, for rows, unused. */
  key: number[];
  own: boolean;
  where: number | null;
  columns: { kind: number; a: number; b: number }[];
  step: number;
}

export interface Scenario {
  seed: number;
  columns: ColumnShape[];
  entities: EntityShape[];
  idEncoding: 'plain' | 'delta';
  /** @default 'source' */
  readers?: 'v1' | 'parquetjs-lite';
  runs: FileShape[][];
  writer: Writer;
  batchRows: number;
  partRows: number;
  rangeMax: number;
  /** Bytes up to which a static block is held back at the split. @default that of the app, more than most have here */
  heldMax?: number;
  /** Whether files of a run differ in their types. */
  mixed: boolean;
  /** Refused rows are set aside, and nulls are refused where the column is not nullable. @default false */
  quarantine?: boolean;
  /** The outputs are tables of this format, too. */
  table?: 'delta';
}

const nat = fc.nat({ max: 11 });

const columnShape = (kinds: readonly string[]): fc.Arbitrary<ColumnShape> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    nullable: fc.boolean(),
    nullShare: fc.constantFrom(0, 0.1, 0.5, 1),
    distinct: fc.constantFrom(1, 2, 7, 60),
  });

const entityShape: fc.Arbitrary<EntityShape> = fc.record({
  keyed: fc.boolean(),
  key: fc.array(nat, { minLength: 1, maxLength: 3 }),
  own: fc.boolean(),
  where: fc.option(nat, { freq: 3 }),
  columns: fc.array(fc.record({ kind: nat, a: nat, b: nat }), { maxLength: 6 }),
  step: fc.constantFrom(1, 1, 5),
});

const modes: Mode[] = ['plain', 'dictionary', 'unused', 'fallback', 'hidden'];

const fileShape: fc.Arbitrary<FileShape> = fc.record({
  rows: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 250 }), fc.constant(0)),
  rowGroup: fc.constantFrom(1000, 100, 30, 7),
  page: fc.constantFrom(131_072, 50, 8, 3),
  codec: fc.constantFrom('UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'),
  modes: fc.array(fc.constantFrom(...modes), { minLength: 1, maxLength: 4 }),
  statistics: fc.boolean(),
  rotate: nat,
  variant: nat,
  extra: fc.boolean(),
  habit: fc.constantFrom(undefined, undefined, ...habitNames),
});

export function scenarios(
  writers: readonly Writer[],
  kinds: readonly string[] = writers.every((writer) => writer === 'own') ? tameKinds : commonKinds,
): fc.Arbitrary<Scenario> {
  return fc.record({
    seed: fc.integer(),
    columns: fc.array(columnShape(kinds), { minLength: 1, maxLength: 5 }),
    entities: fc.array(entityShape, { minLength: 1, maxLength: 4 }),
    idEncoding: fc.constantFrom('plain', 'delta'),
    runs: fc.array(fc.array(fileShape, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    writer: fc.constantFrom(...writersHere(writers)),
    batchRows: fc.constantFrom(250_000, 64, 1),
    partRows: fc.constantFrom(5_000_000, 100),
    rangeMax: fc.constantFrom(1e9, 7),
    heldMax: fc.constantFrom(limits.heldBlockBytesMax, 100, -1),
    mixed: fc.boolean(),
  });
}

export function sourceColumns(shapes: readonly ColumnShape[], quarantine = false): SourceColumn[] {
  return shapes.map((shape, c) => ({
    name: `c${c}`,
    kind: columnKinds[shape.kind]!,
    nullable: shape.nullable,
    optional: shape.nullable || (quarantine && shape.nullShare < 1),
    nullShare: shape.nullShare,
    distinct: shape.distinct,
  }));
}

/** A text of any arguments; the functions of the pipelines are made of it. */
const shown = (values: unknown[]) => values.map((v) => (v === null ? 'null' : canonOf(v))).join('|');
const hash = (text: string) => [...text].reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 7) >>> 0;
const textOrNull = (...values: unknown[]) => (hash(shown(values)) % 7 === 0 ? null : shown(values));
const size = (...values: unknown[]) => shown(values).length;
const odd = (...values: unknown[]) => hash(shown(values)) % 2 === 1;
const passes = (...values: unknown[]) => hash(shown(values)) % 4 !== 0;

type Words = Record<string, (...args: unknown[]) => unknown>;

export function pipelineOf(
  scenario: Pick<Scenario, 'columns' | 'entities' | 'idEncoding' | 'readers' | 'quarantine' | 'table'>,
): CompiledPipeline {
  const columns = sourceColumns(scenario.columns, scenario.quarantine);
  const row = z.object(
    Object.fromEntries(
      columns.map(({ name, kind, nullable }) => [
        name,
        nullable || kind.givesNull ? kind.schema.nullable() : kind.schema,
      ]),
    ),
  );
  return compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row,
    idEncoding: scenario.idEncoding,
    ...(scenario.readers && { readers: scenario.readers }),
    ...(scenario.table && { output: { table: scenario.table } }),
    ...(scenario.quarantine && { onInvalid: 'quarantine', maxRejected: 1 }),
    entities: ((words: Words) => declare(scenario, columns, words)) as never,
  } as never);
}

/** Entities that refer to what there is; a shape that makes no sense is bent until it does. */
function declare(scenario: Pick<Scenario, 'entities'>, columns: SourceColumn[], words: Words): Record<string, unknown> {
  const keyable = columns.filter(({ kind }) => kind.gives !== 'int96');
  const shapes = scenario.entities.map((shape, e) => {
    const keyed = shape.keyed && keyable.length > 0;
    const key = keyed ? [...new Set(shape.key.map((k) => keyable[k % keyable.length]!))] : [];
    return { ...shape, keyed, key, name: `e${e}` };
  });
  const keyedOnes = shapes.filter((shape) => shape.keyed);
  const rowsOnes = shapes.filter((shape) => !shape.keyed);
  const referred = new Set<string>();
  const ref = (at: number, b: number, withMissing: boolean) => {
    const target = keyedOnes[at % Math.max(1, keyedOnes.length)];
    if (!target) return undefined;
    referred.add(target.name);
    const key = target.key.map((column, i) => {
      const same = columns.filter(({ kind }) => kind.gives === column.kind.gives);
      return [`k${i}`, same[b % same.length]!.name];
    });
    // A further ID and an unknown member do not go together.
    const further = target.columns.some(({ kind }) => kind % 12 === 0);
    const missing = withMissing && !further ? { missing: [0, 2, -5][b % 3] } : {};
    return words.ref!(target.name, Object.fromEntries(key), missing);
  };
  const name = (n: number) => columns[n % columns.length]!.name;
  const made = (shape: (typeof shapes)[number], fed: boolean) => {
    const out: [string, unknown][] = [];
    shape.columns.forEach(({ kind, a, b }, i) => {
      const column = ((): unknown => {
        if (kind % 12 === 0) return out.some(([n]) => n.startsWith('n')) ? undefined : words.nextId!('extra');
        if (kind % 12 === 1) return words.constant!(a, type.int32);
        if (!fed) return undefined;
        switch (kind % 12) {
          case 2:
            return words.map!(name(a), textOrNull, type.string);
          case 3:
            return words.map!(name(a), size, type.int32);
          case 4:
            return words.compute!([name(a), name(b)], textOrNull, type.string);
          case 5:
            return words.compute!([name(a)], odd, type.boolean);
          case 6: {
            const other = rowsOnes[a % Math.max(1, rowsOnes.length)];
            return shape.keyed || !other || other.name === shape.name ? undefined : words.rowRef!(other.name);
          }
          case 7:
          case 8:
            return ref(a, b, kind % 12 === 8);
          default:
            return shape.keyed ? words.first!(name(a)) : name(a);
        }
      })();
      if (column !== undefined) out.push([`${kind % 12 === 0 ? 'n' : 'o'}${i}`, column]);
    });
    return out;
  };
  const where = (shape: (typeof shapes)[number]) =>
    shape.where === null
      ? undefined
      : words.where!([name(shape.where), name(shape.where + 1)].slice(0, 1 + (shape.where % 2)), passes);
  const bodies = shapes.map((shape) => ({ shape, columns: made(shape, !shape.keyed || shape.own) }));
  // What nothing feeds is fed by its own columns.
  return Object.fromEntries(
    bodies.map(({ shape, columns: list }) => {
      const id = words.id!(`${shape.name}_id`, { start: 3, step: shape.step });
      const condition = where(shape);
      if (!shape.keyed) {
        return [
          shape.name,
          { kind: 'rows', id, columns: Object.fromEntries(list), ...(condition ? { where: condition } : {}) },
        ];
      }
      const own = shape.own || !referred.has(shape.name);
      const key = shape.key.map((column, i) => [`k${i}`, own ? column.name : bareSchema(column)]);
      return [
        shape.name,
        {
          kind: 'keyed',
          id,
          key: Object.fromEntries(key),
          columns: Object.fromEntries(list),
          ...(own && condition ? { where: condition } : {}),
        },
      ];
    }),
  );
}

/** What the column's schema gives, as a bare type. */
function bareSchema({ kind }: SourceColumn): z.ZodType {
  const raw = kind.cell(kind.raw(() => 0.5));
  switch (typeof raw?.js) {
    case 'string':
      return z.string();
    case 'number':
      return z.number();
    case 'bigint':
      return z.bigint();
    case 'boolean':
      return z.boolean();
    default:
      return raw?.js instanceof Date ? z.date() : z.instanceof(Uint8Array);
  }
}
