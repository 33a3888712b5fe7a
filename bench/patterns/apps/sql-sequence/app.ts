/**
 * Pattern 3, a sequence of an SQL database (PostgreSQL). `per` says whether each row asks for its number in a statement of
 * its own, or a file for all of its numbers in one. A sequence is outside transactions by design: what `nextval` has given
 * is never given again, whether it was used or not.
 */
import * as df from 'durable-functions';
import pg from 'pg';
import { type Sequence, sequences } from '../shared/sales.ts';
import { fanOut, type Range, registerNumbering, registerReading, type Start, type Take } from '../shared/steps.ts';

const pool = new pg.Pool({ connectionString: process.env.PATTERNS_POSTGRES, max: 4 });

const nameOf = (run: string, sequence: Sequence) => `${run}_${sequence}`;

async function numbers(run: string, sequence: Sequence, count: number): Promise<number[]> {
  // BIGINT comes as a text.
  const { rows } = await pool.query<{ n: string }>('select nextval($1::regclass) as n from generate_series(1, $2)', [
    nameOf(run, sequence),
    count,
  ]);
  return rows.map(({ n }) => Number(n));
}

/** Others may have taken numbers in the middle of a block: neighbours are joined to ranges. */
function rangesOf(taken: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const n of taken) {
    const last = ranges.at(-1);
    if (last && last.first + last.count === n) last.count++;
    else ranges.push({ first: n, count: 1 });
  }
  return ranges;
}

const take =
  ({ per }: Start): Take =>
  async (run, sequence, count) => {
    const taken = per === 'file' ? await numbers(run, sequence, count) : [];
    while (taken.length < count) taken.push(...(await numbers(run, sequence, 1)));
    return { ranges: rangesOf(taken), used: async () => {} };
  };

registerReading(async (run) => {
  for (const sequence of sequences) await pool.query(`create sequence if not exists ${nameOf(run, sequence)}`);
});
registerNumbering(take);

df.app.orchestration('run', (context) => fanOut(context));
