/**
 * The command `pipelines check`: says whether a file fits a pipeline's contract, before anything runs. `check-file.ts` does
 * the work. It writes nothing.
 */
import { pipelineOf } from '../../src/environment/environment.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import type { CheckReport } from '../check-file.ts';
import { defineCommand, type Given, type Result } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import { count } from '../terminal/text.ts';

export const checkCommand = defineCommand({
  name: 'pipelines check',
  summary: 'Say whether a Parquet file on this machine fits a pipeline, before anything runs',
  needs: [],
  details:
    'It reads every value of the columns that the pipeline uses, and writes nothing. Without --pipeline it looks for a pipeline that the file fits.',
  examples: [['pipelines check customers.parquet --pipeline sales', 'every column and value at fault, with reasons']],
  configure: (command) =>
    command.argument('<file>', 'path of a Parquet file').option('--pipeline <name>', 'the pipeline that is to read it'),
  work: async (given, { pipeline }, file) => {
    const pipelines = await given.pipelines();
    const all = pipeline === undefined && pipelines.size > 0;
    const candidates = all ? [...pipelines.values()] : [pipelineOf({ pipelines }, pipeline ?? '')];
    const reports = await checkAll(given, candidates, file);
    const fitting = reports.filter(({ fits }) => fits);
    // Of several pipelines, those that have nothing to do with the file are of no interest.
    const shown = fitting.length > 0 ? fitting : nearestReports(reports);
    return result(shown, reports);
  },
});

async function checkAll(given: Given, pipelines: readonly CompiledPipeline[], file: string): Promise<CheckReport[]> {
  const { checkFile } = await import('../check-file.ts');
  const progress = given.terminal.progress();
  const reports: CheckReport[] = [];
  try {
    for (const pipeline of pipelines) {
      const onBatch = (done: number, total: number) => {
        given.signal.throwIfAborted();
        if (total > 1) progress?.update({ label: 'check', done, total, unit: 'batches' });
      };
      reports.push(await checkFile(pipeline, file, onBatch));
    }
  } finally {
    progress?.end();
  }
  return reports;
}

/** The reports with the fewest faulty columns. */
function nearestReports(reports: readonly CheckReport[]): CheckReport[] {
  const faults = ({ columns }: CheckReport) => columns.filter(({ fault }) => fault !== null).length;
  const least = Math.min(...reports.map(faults));
  return reports.filter((report) => faults(report) === least);
}

function result(shown: readonly CheckReport[], value: readonly CheckReport[]): Result {
  return { show: shown.flatMap(shownReport), value, exit: shown.some(({ fits }) => fits) ? 'ok' : 'failed' };
}

function shownReport({ file, pipeline, fits, rows, columns, refusedRows, refusals, error }: CheckReport): ShownPart[] {
  const verdict = fits ? 'fits' : 'does NOT fit';
  const refused = refusedRows ? `, ${count(refusedRows)} of them are refused` : '';
  const head: ShownPart = {
    line: `${file} ${verdict} pipeline ${pipeline}: ${count(rows)} rows${refused}`,
    tone: fits ? 'good' : 'bad',
  };
  if (error !== null) return [head, { line: error, tone: 'bad' }];
  return [
    head,
    {
      columns: [
        { title: 'column', whole: true },
        { title: 'in the file' },
        { title: 'read as', drop: 1 },
        { title: 'is' },
      ],
      rows: columns.map(({ column, type, readAs, fault }) => [
        column,
        type ?? '-',
        readAs,
        fault === null ? { text: 'right', tone: 'good' as const } : { text: 'wrong', tone: 'bad' as const },
      ]),
      none: '',
    },
    ...columns.flatMap(({ fault }) => (fault === null ? [] : [{ line: fault, tone: 'bad' as const }])),
    {
      columns: [
        { title: 'refused in', whole: true },
        { title: 'values', right: true },
        { title: 'reason' },
        { title: 'first in row', right: true },
        { title: 'it holds', drop: 1 },
      ],
      rows: refusals.map((one) => [
        one.column,
        count(one.values),
        one.reason,
        count(one.firstRow),
        one.firstValue ?? '(null)',
      ]),
      none: '',
    },
  ];
}
