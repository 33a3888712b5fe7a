/** The data sets: where their source files are, and their sizes. Generated ones are cached below `.ordinal/bench`. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Duck, literal } from '../tools/duckdb.ts';
import { flightsFile, generateFlights, generateSales } from '../tools/generate.ts';
import type { SetName } from './contestants/contestant.ts';

export const cache = fileURLToPath(new URL('../.ordinal/bench', import.meta.url));

/** Rows of a set when none are asked for. */
export const rowsOf: Record<SetName, number> = { flights: 3_000_000, sales: 2_000_000 };

/** Path of a set's source file; generated unless it is there, or is the real one. */
export async function sourceOf(set: SetName, rows: number = rowsOf[set]): Promise<string> {
  if (set === 'flights' && rows === rowsOf.flights) return flightsFile();
  const file = path.join(cache, `${set}-${rows}.parquet`);
  if (fs.existsSync(file)) return file;
  fs.mkdirSync(cache, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  if (set === 'sales') await generateSales({ rows, out: unfinished });
  else await generateFlights({ rows, out: unfinished, codec: 'zstd' });
  fs.renameSync(unfinished, file);
  return file;
}

/** The same rows for readers that know neither ZSTD nor decimals: SNAPPY, and decimals as DOUBLE. */
export async function plainSourceOf(set: SetName, rows: number = rowsOf[set]): Promise<string> {
  const source = await sourceOf(set, rows);
  const file = path.join(cache, `${set}-${rows}-plain.parquet`);
  if (fs.existsSync(file)) return file;
  fs.mkdirSync(cache, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  const columns = set === 'sales' ? '* replace (unit_price::DOUBLE as unit_price)' : '*';
  const duck = await Duck.open();
  try {
    await duck.run(
      `copy (select ${columns} from ${literal(source)}) to ${literal(unfinished)} (format parquet, codec snappy)`,
    );
  } finally {
    duck.close();
  }
  fs.renameSync(unfinished, file);
  return file;
}
