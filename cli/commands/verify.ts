/**
 * The command `verify`: reads one run, or all runs, again and reports what is wrong. It changes nothing.
 */
import { publishedManifests } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { readKeyBook, States, type VerifyReport, verifyRun } from '../../src/verify/verify.ts';
import { verifyImport } from '../../src/verify/verify-import.ts';
import { defineCommand, UsageError } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import { count } from '../terminal/text.ts';

export const verifyCommand = defineCommand({
  name: 'verify',
  summary: 'Read again what runs read and published, and check every byte, ID, reference and value',
  needs: ['storage'],
  details: 'It takes about ten seconds for each million rows.',
  configure: (command) =>
    command
      .argument('[run]', 'a run ID')
      .option('--all', 'all runs that have published, and all imports of keys')
      .option('--no-source', 'do not read the sources again'),
  work: async (given, { all, source }, runId) => {
    if ((all === true) === (runId !== undefined)) throw new UsageError('verify: give one run ID, or --all');
    const environment = await given.environment();
    const manifests = await publishedManifests(environment);
    const wanted = all ? manifests : manifests.filter((manifest) => manifest.runId === runId);
    if (wanted.length === 0 && !all) {
      throw new OrdinalError('UnknownRun', `no run "${runId}" has published`, {
        remedy: `See ${given.program} runs list for the runs that have.`,
      });
    }
    const states = new States(environment, manifests);
    const book = await readKeyBook(environment, manifests);
    const progress = wanted.length > 1 ? given.terminal.progress() : undefined;
    const reports: VerifyReport[] = [];
    for (const imported of all ? book.imports : [])
      reports.push(await verifyImport(environment, imported, manifests, book));
    try {
      for (const [done, manifest] of wanted.entries()) {
        given.signal.throwIfAborted();
        progress?.update({ label: 'verify', done, total: wanted.length, unit: 'runs', note: manifest.runId });
        reports.push(await verifyRun(environment, manifest, manifests, book, { source, states }));
      }
    } finally {
      progress?.end();
    }
    const inOrder = reports.every(({ findings }) => findings.length === 0);
    return { show: shown(reports), value: reports, exit: inOrder ? 'ok' : 'failed' };
  },
});

function shown(reports: readonly VerifyReport[]): ShownPart[] {
  const rows = reports.map(({ runId, files, rows, compared, findings }) => [
    runId,
    findings.length === 0
      ? { text: 'in order', tone: 'good' as const }
      : { text: 'NOT in order', tone: 'bad' as const },
    count(files),
    count(rows),
    compared === null ? 'not compared' : count(compared),
  ]);
  const columns = [
    { title: 'run', whole: true },
    { title: 'is' },
    { title: 'files', right: true, drop: 1 },
    { title: 'rows', right: true },
    { title: 'source rows', right: true, drop: 2 },
  ];
  return [
    { columns, rows, none: 'No run has published yet.' },
    ...reports.flatMap(({ runId, findings, notes }) => [
      ...findings.map((line) => ({ line: `${runId}: ${line}`, tone: 'bad' as const })),
      ...notes.map((line) => ({ line: `${runId}: ${line}`, tone: 'dim' as const })),
    ]),
  ];
}
