import { OrdinalError } from '../src/errors.ts';
import { publishedManifests, readKeyBook, States, type VerifyReport, verifyRun } from '../src/verify/verify.ts';
import type { Given, Result } from './command.ts';
import { operand } from './operands.ts';

/** `verify RUN` or `verify --all`; with `--no-source` without reading the sources again. */
export async function verify(given: Given): Promise<Result> {
  const { environment, all } = given;
  const manifests = await publishedManifests(environment);
  // In the order of their finish, so that what earlier runs published is read once.
  manifests.sort((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
  const wanted = all ? manifests : manifests.filter(({ runId }) => runId === operand(given, 'run ID, or --all'));
  if (wanted.length === 0 && !all) {
    throw new OrdinalError('UnknownRun', `no run "${given.operands[0]}" has published`);
  }
  const states = new States(environment, manifests);
  const book = await readKeyBook(environment, manifests);
  const reports: VerifyReport[] = [];
  const lines: string[] = [];
  for (const manifest of wanted) {
    const report = await verifyRun(environment, manifest, manifests, book, { source: !given.noSource, states });
    reports.push(report);
    const { runId, files, rows, compared, findings, notes } = report;
    const values = compared === null ? '' : `, all values compared with ${compared} source rows`;
    lines.push(
      `${runId}: ${findings.length === 0 ? 'in order' : 'NOT in order'} (${files} files, ${rows} rows${values})`,
    );
    for (const line of [...findings, ...notes]) lines.push(`  ${line}`);
  }
  return { lines, value: reports, ok: reports.every(({ findings }) => findings.length === 0) };
}
