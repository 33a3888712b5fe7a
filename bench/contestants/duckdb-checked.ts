/** DuckDB, holding rows to the contract as Ordinal does: a row that breaks it fails the run. */
import type { Contestant, Work } from './contestant.ts';
import { openSplit } from './duckdb.ts';

export async function open(work: Work): Promise<Contestant> {
  const split = await openSplit(work, true);
  return { run: async (folder) => ({ files: await split.run(work.source, folder) }) };
}
