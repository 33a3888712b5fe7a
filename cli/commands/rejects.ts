/**
 * The command `runs rejects`: the source rows that the contract refused in a run, with the reasons, from the run's
 * quarantine file. It changes nothing.
 */
import { writeFile } from 'node:fs/promises';
import { manifestOfRun } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { requireBytes } from '../../src/storage/json.ts';
import { defineCommand } from '../command.ts';
import { csv, jsonValue, parquetRows } from '../parquet-rows.ts';
import { wholeNumber } from '../parse.ts';
import { count } from '../terminal/text.ts';
import { shownRows } from './run-shown.ts';

const LINES_SHOWN = 50;

export const rejectsCommand = defineCommand({
  name: 'runs rejects',
  summary: 'Show the source rows that a run refused, and why',
  needs: ['storage'],
  details: `As a table it shows the first ${LINES_SHOWN} lines; --csv and --json give all. A row with two wrong columns has two lines. Mended rows go into a new blob: docs/rejected-rows.md.`,
  examples: [['runs rejects RUN --csv --file refused.csv', 'for those who mend the source']],
  configure: (command) =>
    command
      .argument('<run>', 'a run ID')
      .option('--rows', 'the refused rows themselves, as their source held them, in place of the refused values')
      .option('--csv', 'as CSV, all lines')
      .option('--file <path>', 'with --csv: write it to this file')
      .option('--limit <n>', 'lines at most', wholeNumber(1, 100_000_000)),
  work: async (given, { rows: whole, csv: asCsv, file, limit }, runId) => {
    const environment = await given.environment();
    const manifest = await manifestOfRun(environment, runId);
    if (!manifest) {
      throw new OrdinalError('UnknownRun', `run "${runId}" has no manifest`, {
        remedy: 'Wait for its end. A run that failed has published no refused rows: its error names the first one.',
      });
    }
    const { rejected } = manifest;
    if (!rejected) return { show: ['The contract refused no row of this run.'], value: [] };
    const blob = whole ? rejected.sourceRows : rejected.blob;
    if (blob === undefined) {
      throw new OrdinalError('UnknownRun', `run "${runId}" has not kept its refused rows`, {
        remedy: 'Take them from the source: without --rows each line names blob and row.',
      });
    }
    const bytes = await requireBytes(environment.store, manifest.output.container, blob);
    const everything = asCsv || given.json;
    const found = parquetRows(bytes, blob, limit ?? (everything ? undefined : LINES_SHOWN));
    const value = found.rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, one]) => [name, jsonValue(one)])),
    );
    if (asCsv && file !== undefined) {
      await writeFile(file, csv(found));
      return { show: [`${count(found.rows.length)} lines written to ${file}`], value };
    }
    const all = `${count(rejected.rows)} rows were refused, in ${count(rejected.lines)} lines: ${manifest.output.container}/${blob}`;
    const shown = [
      all,
      shownRows(value, ''),
      ...(found.rows.length < (whole ? rejected.rows : rejected.lines) ? ['More: --csv or --limit.'] : []),
    ];
    return { show: shown, value, ...(asCsv && { raw: csv(found) }) };
  },
});
