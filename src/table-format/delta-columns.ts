/**
 * The columns of a Delta table: what `schemaString` and the protocol say, how columns are added, and whether a file fits.
 * `delta.ts` calls it. A table keeps the types of its columns.
 *
 * Specification: Delta `PROTOCOL.md`, "Schema Serialization Format", "Protocol Evolution", "Timestamp without timezone".
 */
import { randomUUID } from 'node:crypto';
import { OrdinalError } from '../errors.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import { deltaType, parquetType, refusedColumnName } from '../pipeline/delta-types.ts';
import type { Action, MetaData, Protocol, TableState } from './delta-actions.ts';
import type { TableColumn, TableFile, TablePlace } from './table-format.ts';

interface DeltaField {
  name: string;
  type: unknown;
  nullable: boolean;
  metadata: Record<string, unknown>;
}

/** The columns of a table, by the type that its files have. Those of types that no file of ours has are left out. */
export function columnsOf(metaData: MetaData): TableColumn[] {
  return fieldsOf(metaData).flatMap(({ name, type }) => {
    const stored = typeof type === 'string' ? parquetType(type) : undefined;
    return stored ? [{ name, type: stored }] : [];
  });
}

/** Whether columns of both types are one column of a table. */
export function sameType(one: ColumnType, other: ColumnType): boolean {
  const [a, b] = [deltaType(one), deltaType(other)];
  return !('refused' in a) && !('refused' in b) && a.name === b.name;
}

/** A file that was published before there was a table may have types that no table has. */
export function mustFit(
  { folder }: TablePlace,
  { name, footer }: TableFile,
  columns: ReadonlyMap<string, ColumnType>,
): void {
  for (const leaf of footer.leaves) {
    const made = deltaType(leaf.type);
    const there = columns.get(leaf.name);
    const refused = 'refused' in made ? made.refused : undefined;
    const fits =
      !('refused' in made) && typeText(made.stored) === typeText(leaf.type) && there && sameType(leaf.type, there);
    if (fits) continue;
    const type = there ? `, and table "${folder}" has ${typeText(there)}` : '';
    throw new OrdinalError(
      'ColumnTypeMismatch',
      `column "${leaf.name}" ${refused ?? `is ${typeText(leaf.type)}${type}`}`,
      {
        where: { blob: `${folder}/${name}`, column: leaf.name },
        remedy: 'Give the pipeline another output prefix, and run its sources again: published files are not changed.',
      },
    );
  }
}

function fieldsOf({ schemaString }: MetaData): DeltaField[] {
  return (JSON.parse(schemaString) as { fields: DeltaField[] }).fields;
}

/** The actions that give a table the columns that it lacks: none when it has all; with the protocol where that changes. */
export function withColumns(
  place: TablePlace,
  state: TableState,
  wanted: readonly TableColumn[],
  now: number,
): Action[] {
  const before = state.metaData ? fieldsOf(state.metaData) : [];
  const fields = [...before];
  for (const { name, type } of wanted) {
    const there = before.find((field) => field.name.toLowerCase() === name.toLowerCase());
    const made = deltaType(type);
    const refused = refusedColumnName(name) ?? ('refused' in made ? made.refused : undefined);
    if (refused !== undefined || 'refused' in made) throw noType(place, name, refused!);
    if (there && (there.type !== made.name || there.name !== name)) {
      throw new OrdinalError(
        'ColumnTypeMismatch',
        `column "${name}" would be ${made.name}, and table "${place.folder}" has "${there.name}" as ${String(there.type)}`,
        {
          where: { column: name },
          remedy:
            'Write the column as before, or give the changed one another name: a table keeps the types of its columns.',
        },
      );
    }
    if (!there) fields.push({ name, type: made.name, nullable: true, metadata: {} });
  }
  if (fields.length === before.length) return [];
  const schemaString = JSON.stringify({ type: 'struct', fields });
  const ntz = fields.some(({ type }) => type === 'timestamp_ntz');
  const actions: Action[] = [];
  const protocol = protocolFor(state.protocol, ntz);
  if (protocol !== state.protocol) actions.push({ protocol });
  const first = { id: randomUUID(), format: { provider: 'parquet', options: {} }, partitionColumns: [] };
  actions.push({ metaData: { ...first, configuration: {}, createdTime: now, ...state.metaData, schemaString } });
  return actions;
}

function noType(place: TablePlace, name: string, refused: string): OrdinalError {
  return new OrdinalError('ColumnTypeMismatch', `column "${name}" of table "${place.folder}" ${refused}`, {
    where: { column: name },
    remedy: 'Map it to a type that a table has, such as text: map(column, (value) => …, type.string).',
  });
}

const NTZ = 'timestampNtz';

/** The same protocol where it is enough. */
function protocolFor(there: Protocol | undefined, ntz: boolean): Protocol {
  if (!ntz) return there ?? { minReaderVersion: 1, minWriterVersion: 2 };
  if (there?.writerFeatures?.includes(NTZ)) return there;
  const { minReaderVersion = 3, minWriterVersion = 7, readerFeatures, writerFeatures } = there ?? {};
  const read = minReaderVersion < 3 ? impliedBy(minReaderVersion, readerVersions) : (readerFeatures ?? []);
  const written = minWriterVersion < 7 ? impliedBy(minWriterVersion, writerVersions) : (writerFeatures ?? []);
  return {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: [...read, NTZ],
    writerFeatures: [...written, NTZ],
  };
}

/** Features that older versions of the protocol imply: they must be named from 3/7 on. */
const readerVersions: Readonly<Record<string, number>> = { columnMapping: 2 };
const writerVersions: Readonly<Record<string, number>> = {
  appendOnly: 2,
  invariants: 2,
  checkConstraints: 3,
  changeDataFeed: 4,
  generatedColumns: 4,
  columnMapping: 5,
  identityColumns: 6,
};

const impliedBy = (version: number, since: Readonly<Record<string, number>>) =>
  Object.keys(since).filter((feature) => since[feature]! <= version);

/** Whether a table has nothing that our checkpoints would lose. */
export function isOwn({ minReaderVersion, readerFeatures, writerFeatures }: Protocol): boolean {
  if (minReaderVersion < 3) return true;
  const known = [NTZ, 'appendOnly', 'invariants'];
  return [...(readerFeatures ?? []), ...(writerFeatures ?? [])].every((feature) => known.includes(feature));
}
