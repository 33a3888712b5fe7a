/**
 * The source files of a pattern run: one sales feed, cut into files of unequal size as they arrive in life. Called by the
 * bench and its test; the same seed gives the same files.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../packages/local-host/src/chaos.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { salesSelect, salesShape } from '../../tools/generate-sales.ts';

export interface Sources {
  /** Paths, in the order of their names. */
  files: string[];
  rows: number;
}

/** @param rowsPerFile the mean; a file has from half to one and a half times as many. */
export async function writeSources(folder: string, count: number, rowsPerFile: number, seed = 1): Promise<Sources> {
  const random = seededRandom(seed);
  const sizes = Array.from({ length: count }, () => Math.max(1, Math.round(rowsPerFile * (0.5 + random()))));
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  mkdirSync(folder, { recursive: true });
  const duck = await Duck.open({ memoryMib: 1024 });
  try {
    await duck.run(`create temp table feed as ${salesSelect(salesShape(rows, seed))}`);
    const files: string[] = [];
    let from = 0;
    for (const [i, size] of sizes.entries()) {
      const file = join(folder, `part-${String(i + 1).padStart(5, '0')}.parquet`);
      const part = `select * from feed where rowid >= ${from} and rowid < ${from + size} order by rowid`;
      await duck.run(`copy (${part}) to ${literal(file)} (format parquet, codec snappy)`);
      files.push(file);
      from += size;
    }
    return { files, rows };
  } finally {
    duck.close();
  }
}
