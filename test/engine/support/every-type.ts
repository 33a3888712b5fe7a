/** One published file for each type and codec that a source may have, with the values that a reader must find in it. */
import { z } from 'zod';
import { publishedManifests } from '../../../src/documents/manifests.ts';
import type { Codec, ColumnType } from '../../../src/parquet/types.ts';
import { compile } from '../../../src/pipeline/compile.ts';
import { randomOf } from '../../parquet/support/random.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { columnKinds, pickyKinds } from './cells.ts';
import { Engine } from './drive.ts';
import { poolsOf, type SourceColumn, writeSource } from './sources.ts';

export const codecs = ['SNAPPY', 'ZSTD', 'UNCOMPRESSED', 'GZIP', 'BROTLI', 'LZ4_RAW'] as const;

export interface TypedFile {
  kind: string;
  store: MemoryStore;
  /** Name in the container. */
  file: string;
  bytes: Uint8Array;
  columns: { name: string; type: ColumnType }[];
  /** Of its second column, row by row. */
  wanted: (string | null)[];
}

/** Kinds whose schema leaves the values as they are. */
const kinds = Object.entries(columnKinds).filter(([name, { givesNull }]) => !(name in pickyKinds) && !givesNull);

const columns = kinds.map(([name, kind]): SourceColumn => {
  return { name, kind, nullable: true, optional: true, nullShare: 0.2, distinct: 12 };
});

type Words = Record<string, (...args: unknown[]) => unknown>;

const entityOf = (kind: string) => `e_${kind.toLowerCase()}`;

/** Each column of the source becomes a dataset of its own. */
const pipeline = compile({
  name: 'p',
  source: { container: 'landing', prefix: 'in/' },
  row: z.object(Object.fromEntries(columns.map(({ name, kind }) => [name, kind.schema.nullable()]))),
  entities: (({ id }: Words) =>
    Object.fromEntries(
      columns.map(({ name }) => [
        entityOf(name),
        { kind: 'rows', id: id!(`${entityOf(name)}_id`), columns: { value: name } },
      ]),
    )) as never,
} as never);

/** The files of a run over a source in this codec: two row groups, pages of all sorts. */
export async function everyType(codec: Codec): Promise<TypedFile[]> {
  const random = randomOf(3);
  const engine = new Engine(pipeline);
  const shape = { rows: 40, rowGroup: 25, page: 9, codec, statistics: true, rotate: 0, variant: 0, extra: false };
  const pools = poolsOf(columns, random);
  const { bytes, rows } = writeSource(columns, pools, { ...shape, modes: ['plain', 'dictionary', 'fallback'] }, random);
  await engine.upload('in/a.parquet', bytes);
  await engine.run('r');
  const [manifest] = await publishedManifests(engine.environment);
  return columns.map(({ name: kind }): TypedFile => {
    const [published] = engine.published(entityOf(kind));
    const { columns: leaves } = manifest!.entities.find(({ entity }) => entity === entityOf(kind))!;
    const wanted = rows.map((row) => row[kind]?.canon ?? null);
    return { kind, store: engine.store, file: published!.name, bytes: published!.bytes, columns: leaves!, wanted };
  });
}
