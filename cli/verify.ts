/**
 * The command `verify`: reads one run, or all runs, again and reports what is wrong. `commands.ts` calls it. It changes
 * nothing.
 */
import { publishedManifests } from '../src/documents/manifests.ts';
import { OrdinalError } from '../src/errors.ts';
import { readKeyBook, States, type VerifyReport, verifyRun } from '../src/verify/verify.ts';
import { verifyImport } from '../src/verify/verify-import.ts';
import type { Given, Result } from './command.ts';

/** One run by its ID, or all; with or without reading their sources again. */
export interface VerifyChoice {
  all?: boolean;
  source: boolean;
}

/** Verifies runs. @throws OrdinalError `InvalidRequest` without a run, `UnknownRun` for one that has not published. */
export async function verify(
  { environment }: Given,
  runId: string | undefined,
  { all, source }: VerifyChoice,
): Promise<Result> {
  if (all !== true && runId === undefined) {
    throw new OrdinalError('InvalidRequest', 'give one run ID, or --all', {
      remedy: 'Run npm run ordinal -- --help to see the options.',
    });
  }
  const manifests = await publishedManifests(environment);
  const wanted = all ? manifests : manifests.filter((manifest) => manifest.runId === runId);
  if (wanted.length === 0 && !all) throw new OrdinalError('UnknownRun', `no run "${runId}" has published`);
  const states = new States(environment, manifests);
  const book = await readKeyBook(environment, manifests);
  const reports: VerifyReport[] = [];
  const lines: string[] = [];
  for (const imported of all ? book.imports : []) {
    const report = await verifyImport(environment, imported, manifests, book);
    reports.push(report);
    lines.push(
      `${report.runId}: ${report.findings.length === 0 ? 'in order' : 'NOT in order'} (${report.rows} keys of ${report.pipeline})`,
      ...report.findings.map((line) => `  ${line}`),
    );
  }
  for (const manifest of wanted) {
    const report = await verifyRun(environment, manifest, manifests, book, { source, states });
    reports.push(report);
    const { runId: id, files, rows, compared, findings, notes } = report;
    const values = compared === null ? '' : `, all values compared with ${compared} source rows`;
    lines.push(`${id}: ${findings.length === 0 ? 'in order' : 'NOT in order'} (${files} files, ${rows} rows${values})`);
    for (const line of [...findings, ...notes]) lines.push(`  ${line}`);
  }
  return { lines, value: reports, ok: reports.every(({ findings }) => findings.length === 0) };
}
