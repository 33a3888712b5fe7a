/**
 * How three engines say the same thing: names, types, how Parquet files are read, how a view is made. `sql.ts` puts the
 * statement together. Nothing here knows what the statement is for.
 */
import type { ColumnType } from '../parquet/types.ts';
import type { Source } from './current-rows.ts';

export const engines = ['duckdb', 'synapse', 'spark'] as const;
export type Engine = (typeof engines)[number];

/** The address of a blob, as an engine reads it. */
export type AddressOf = (container: string, name: string) => string;

export interface Dialect {
  quote(name: string): string;
  typeOf(type: ColumnType): string;
  /** A null of a type. */
  nothing(type: ColumnType): string;
  /** The files as a table, in a FROM clause; or the statement that must come first, and the name that it gives. */
  read(source: Source, name: string, addressOf: AddressOf): { from: string; first?: string };
  createView(name: string, body: string): string;
}

/** A name as DuckDB looks for it: it takes these characters for a pattern. */
const literally = (address: string) => address.replaceAll(/[*?[]/g, '[$&]');

/** A text in quotes. */
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
const list = (items: readonly string[]) => items.map((item) => `  ${item}`).join(',\n');

/** What an engine calls the types that Parquet files have. */
interface TypeNames {
  boolean: string;
  /** Signed integers of 8 to 64 bits. */
  signed: readonly [string, string, string, string];
  /** Unsigned integers of 8 to 64 bits: a type that holds them. */
  unsigned: readonly [string, string, string, string];
  float: string;
  double: string;
  text: string;
  bytes: string;
  date: string;
  time: string;
  timestamp: string;
  /** A timestamp without a time zone. */
  local: string;
  int96: string;
  uuid: string;
}

const widths = [8, 16, 32, 64];

/** The name of a column's type. */
function typeName({ annotation: a, physical }: ColumnType, names: TypeNames): string {
  switch (a?.kind) {
    case 'string':
    case 'enum':
    case 'json':
      return names.text;
    case 'decimal':
      return `DECIMAL(${a.precision}, ${a.scale})`;
    case 'int':
      return names[a.signed ? 'signed' : 'unsigned'][widths.indexOf(a.bitWidth)]!;
    case 'timestamp':
      return a.utc ? names.timestamp : names.local;
    case 'date':
    case 'time':
    case 'uuid':
      return names[a.kind];
    case 'float16':
      return names.float;
    default: {
      const { boolean, signed, int96, float, double, bytes } = names;
      const numbers = { INT32: signed[2], INT64: signed[3], INT96: int96, FLOAT: float, DOUBLE: double };
      return { BOOLEAN: boolean, ...numbers, BYTE_ARRAY: bytes, FIXED_LEN_BYTE_ARRAY: bytes }[physical];
    }
  }
}

const duckdbTypes: TypeNames = {
  boolean: 'BOOLEAN',
  signed: ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'],
  unsigned: ['UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT'],
  float: 'FLOAT',
  double: 'DOUBLE',
  text: 'VARCHAR',
  bytes: 'BLOB',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMPTZ',
  local: 'TIMESTAMP',
  int96: 'TIMESTAMP',
  uuid: 'UUID',
};

const synapseTypes: TypeNames = {
  boolean: 'bit',
  // T-SQL's own tinyint has no sign.
  signed: ['smallint', 'smallint', 'int', 'bigint'],
  unsigned: ['tinyint', 'int', 'bigint', 'decimal(20, 0)'],
  float: 'real',
  double: 'float',
  // A shorter one refuses files with longer text.
  text: 'varchar(max) COLLATE Latin1_General_100_BIN2_UTF8',
  bytes: 'varbinary(max)',
  date: 'date',
  time: 'time(7)',
  timestamp: 'datetime2(7)',
  local: 'datetime2(7)',
  int96: 'datetime2(7)',
  uuid: 'uniqueidentifier',
};

const sparkTypes: TypeNames = {
  boolean: 'BOOLEAN',
  signed: ['TINYINT', 'SMALLINT', 'INT', 'BIGINT'],
  unsigned: ['SMALLINT', 'INT', 'BIGINT', 'DECIMAL(20, 0)'],
  float: 'FLOAT',
  double: 'DOUBLE',
  text: 'STRING',
  bytes: 'BINARY',
  date: 'DATE',
  time: 'BIGINT',
  timestamp: 'TIMESTAMP',
  local: 'TIMESTAMP_NTZ',
  int96: 'TIMESTAMP',
  uuid: 'BINARY',
};

const duckdb: Dialect = {
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  typeOf: (type) => typeName(type, duckdbTypes),
  nothing: (type) => `CAST(NULL AS ${duckdb.typeOf(type)})`,
  read: ({ container, files }, _, addressOf) => ({
    from: `read_parquet([\n${list(files.map((file) => text(literally(addressOf(container, file)))))}\n], union_by_name = true)`,
  }),
  createView: (name, body) => `CREATE OR REPLACE VIEW ${duckdb.quote(name)} AS\n${body};\n`,
};

const synapse: Dialect = {
  quote: (name) => `[${name.replaceAll(']', ']]')}]`,
  typeOf: (type) => typeName(type, synapseTypes),
  nothing: (type) => {
    // A collation is no part of a type.
    const [, name, collation = ''] = /^(.*?)( COLLATE .*)?$/.exec(synapse.typeOf(type))!;
    return `CAST(NULL AS ${name})${collation}`;
  },
  read: (source, _, addressOf) => {
    const files = list(source.files.map((file) => `N${text(addressOf(source.container, file))}`));
    const columns = statedColumns(source, synapse);
    const shape = columns ? `\nWITH (\n${list(columns)}\n)` : '';
    return { from: `OPENROWSET(BULK (\n${files}\n), FORMAT = 'PARQUET')${shape} AS files` };
  },
  createView: (name, body) => `CREATE OR ALTER VIEW ${synapse.quote(name)} AS\n${body};\n`,
};

const spark: Dialect = {
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  typeOf: (type) => typeName(type, sparkTypes),
  nothing: (type) => `CAST(NULL AS ${spark.typeOf(type)})`,
  read: (source, name, addressOf) => {
    const { container, files } = source;
    // Columns that are stated are not looked for in the footers of all files, which may differ in their types.
    const columns = statedColumns(source, spark);
    const shape = columns ? ` (\n${list(columns)}\n)` : '';
    const merge = columns ? '' : ", mergeSchema 'true'";
    // One path per source: Spark takes alternatives of names in braces.
    const folder = files[0]!.slice(0, files[0]!.lastIndexOf('/') + 1);
    const names = files.map((file) => inPattern(file.slice(folder.length)));
    const path = addressOf(container, inPattern(folder) + (names.length === 1 ? names[0]! : `{${names.join(',')}}`));
    const first = `CREATE OR REPLACE TEMPORARY VIEW ${spark.quote(name)}${shape}\nUSING parquet OPTIONS (path ${sparkText(path)}${merge});\n`;
    return { from: spark.quote(name), first };
  },
  createView: (name, body) => `CREATE OR REPLACE TEMPORARY VIEW ${spark.quote(name)} AS\n${body};\n`,
};

/** A name within a pattern of names: Spark takes these characters for its own. */
const inPattern = (name: string) => name.replaceAll(/[*?[\]{},\\]/g, '\\$&');

/** The columns of a source with their types; undefined where manifests do not state them all. */
function statedColumns({ columns, types }: Source, { quote, typeOf }: Dialect): string[] | undefined {
  const stated = [...columns.values()].map((name) => types.has(name) && `${quote(name)} ${typeOf(types.get(name)!)}`);
  return stated.every((column) => column !== false) ? stated : undefined;
}

/** A text in quotes for Spark, where a backslash begins an escape. */
const sparkText = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

export const dialects: Record<Engine, Dialect> = { duckdb, synapse, spark };

/**
 * Addresses of blobs in a storage account.
 *
 * @param endpoint the account's blob endpoint; undefined where it is not known: addresses then begin with the container.
 */
export function addressesAt(engine: Engine, endpoint: string | undefined): AddressOf {
  const [, account, suffix] = /^https:\/\/([^./]+)\.blob\.([^/]+)\/?$/.exec(endpoint ?? '') ?? [];
  if (account !== undefined) {
    if (engine === 'spark') return (container, name) => `abfss://${container}@${account}.dfs.${suffix}/${name}`;
    const scheme = engine === 'duckdb' ? 'az' : 'https';
    return (container, name) => `${scheme}://${account}.blob.${suffix}/${container}/${name}`;
  }
  if (endpoint !== undefined) return (container, name) => `${endpoint.replace(/\/$/, '')}/${container}/${name}`;
  return (container, name) => `${engine === 'duckdb' ? 'az://' : ''}${container}/${name}`;
}
