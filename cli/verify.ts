import { OrdinalError } from '../src/errors.ts';
import { publishedManifests, readKeyBook, type VerifyReport, verifyRun } from '../src/run/verify.ts';
import type { Given, Result } from './commands.ts';
import { operand } from './operands.ts';

/** `verify RUN` or `verify --all`. */
export async function verify(given: Given): Promise<Result> {
  const { environment, all } = given;
  const manifests = await publishedManifests(environment);
  const wanted = all ? manifests : manifests.filter(({ runId }) => runId === operand(given, 'run ID, or --all'));
  if (wanted.length === 0 && !all) {
    throw new OrdinalError('UnknownRun', `no run "${given.operands[0]}" has published`);
  }
  const book = await readKeyBook(environment, manifests);
  const reports: VerifyReport[] = [];
  const lines: string[] = [];
  for (const manifest of wanted) {
    const report = await verifyRun(environment, manifest, manifests, book);
    reports.push(report);
    const { runId, files, rows, findings } = report;
    lines.push(`${runId}: ${findings.length === 0 ? 'in order' : 'NOT in order'} (${files} files, ${rows} rows)`);
    for (const finding of findings) lines.push(`  ${finding}`);
  }
  return { lines, value: reports, ok: reports.every(({ findings }) => findings.length === 0) };
}
