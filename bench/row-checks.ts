/**
 * What a check across columns costs: CPU time of one million calls of a function that compares two numbers, as the split
 * calls it. `docs/pipelines.md` states it. Run it by itself: `node bench/row-checks.ts`.
 */
import { z } from 'zod';
import { compileContract } from '../src/pipeline/contract.ts';
import { rowObject } from '../src/pipeline/row-checks.ts';

const rows = 1_000_000;
const columns: Record<string, Float64Array> = {
  low: Float64Array.from({ length: rows }, (_, row) => row),
  high: Float64Array.from({ length: rows }, (_, row) => row + 1),
};
const row = z.object({ low: z.int(), high: z.int(), text: z.string() }).refine(({ low, high }) => low <= high);
const [check] = compileContract(row).checks;
if (!check) throw new Error('the contract has no check');
let present = 0;
const object = rowObject(check.columns, (name) => columns[name]![present]);
const times: number[] = [];
for (let round = 0; round < 5; round++) {
  const before = process.cpuUsage().user;
  for (present = 0; present < rows; present++) {
    if (check.test(object).length > 0) throw new Error(`row ${present} is refused`);
  }
  times.push((process.cpuUsage().user - before) / 1000);
}
console.log(
  `${rows} rows: ${times[0]?.toFixed(0)} ms at first, then ${times
    .slice(1)
    .map((ms) => ms.toFixed(0))
    .join(', ')} ms`,
);
