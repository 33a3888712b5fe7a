/**
 * Writes source data as real Parquet by DuckDB: a generated `sales` feed, or the real flights repeated to any length.
 *
 *   node tools/generate.ts sales   --rows 2000000 --out FILE [--seed 1] [--row-group 122880] [--codec snappy]
 *   node tools/generate.ts flights --rows 30000000 --out FILE [--row-group 122880] [--codec zstd]
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Duck, literal } from './duckdb.ts';
import { salesSelect, salesShape } from './generate-sales.ts';

export const codecs = ['snappy', 'zstd', 'gzip', 'uncompressed'] as const;
export type Codec = (typeof codecs)[number];

export interface WriteOptions {
  rows: number;
  /** Path of the file to write. */
  out: string;
  /** Rows in one row group; DuckDB rounds to its vector size of 2,048. @default 122880 */
  rowGroupRows?: number;
  codec?: Codec;
}

/** Path of the 3,000,000 real flights that the npm package `vega-datasets` ships. */
export function flightsFile(): string {
  return fileURLToPath(new URL('../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
}

async function copy(select: string, options: WriteOptions): Promise<void> {
  if (!Number.isSafeInteger(options.rows) || options.rows < 0) throw new RangeError('rows must be a whole number');
  const rowGroup = options.rowGroupRows ?? 122_880;
  const duck = await Duck.open({ memoryMib: 512 });
  try {
    await duck.run(
      `copy (${select}) to ${literal(options.out)} (format parquet, codec ${options.codec ?? 'snappy'}, row_group_size ${rowGroup})`,
    );
  } finally {
    duck.close();
  }
}

/** Writes the generated `sales` feed: the same seed and rows give the same data. */
export async function generateSales(options: WriteOptions & { seed?: number }): Promise<void> {
  await copy(salesSelect(salesShape(options.rows, options.seed ?? 1)), options);
}

/** Writes flights from the real file, from row `from` on, again from its start as often as needed, in its order. */
export async function generateFlights(options: WriteOptions & { from?: number }): Promise<void> {
  const source = `read_parquet(${literal(flightsFile())})`;
  const from = options.from ?? 0;
  const times = Math.ceil((from + options.rows) / 3_000_000);
  const all = Array.from({ length: times }, () => `select * from ${source}`).join(' union all ');
  await copy(`select * from (${all}) limit ${options.rows} offset ${from}`, options);
}

const usage = 'usage: node tools/generate.ts sales|flights --rows N --out FILE [--seed N] [--row-group N] [--codec C]';

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      out: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'row-group': { type: 'string', default: '122880' },
      codec: { type: 'string' },
    },
  });
  const [kind] = positionals;
  const rows = Number(values.rows);
  const codec = values.codec ?? (kind === 'flights' ? 'zstd' : 'snappy');
  const known = kind === 'sales' || kind === 'flights';
  if (!known || !values.out || !Number.isSafeInteger(rows) || rows < 1 || !codecs.includes(codec as Codec)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const options = { rows, out: values.out, rowGroupRows: Number(values['row-group']), codec: codec as Codec };
  if (kind === 'sales') await generateSales({ ...options, seed: Number(values.seed) });
  else await generateFlights(options);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
