/**
 * A run's view and a list of runs as people read them. The commands about runs call it. What failed comes first.
 */
import type { RunSummary, RunView } from '../../src/view/run-view-schema.ts';
import type { ShownPart } from '../terminal/show.ts';
import type { Cell, Tone } from '../terminal/table.ts';
import { bytes, count, duration, plain, time } from '../terminal/text.ts';

const tones: Record<RunSummary['status'], Tone> = {
  Pending: 'dim',
  Running: 'strong',
  Completed: 'good',
  Failed: 'bad',
  Terminated: 'warning',
};

const stateOf = ({ status, withdrawn }: Pick<RunSummary, 'status' | 'withdrawn'>): Cell =>
  withdrawn ? { text: 'Withdrawn', tone: 'warning' } : { text: status, tone: tones[status] };

const hasEnded = ({ status }: Pick<RunSummary, 'status'>) => status !== 'Pending' && status !== 'Running';

/** From start to end, or until now. */
function lasted(run: RunSummary, now: number): string {
  const until = hasEnded(run) ? Date.parse(run.finishedAt ?? run.updatedAt) : now;
  return duration(run.durationMs ?? Math.max(0, until - Date.parse(run.startedAt)));
}

export function shownRuns(runs: readonly RunSummary[], none: string, now = Date.now()): ShownPart {
  return {
    columns: [
      { title: 'run', whole: true },
      { title: 'pipeline', drop: 0 },
      { title: 'state' },
      { title: 'phase', drop: 3 },
      { title: 'started (UTC)', drop: 2, whole: true },
      { title: 'took', right: true, drop: 1, whole: true },
      { title: 'source rows', right: true, drop: 3 },
      { title: 'what', drop: 4 },
    ],
    rows: runs.map((run) => [
      run.life > 1 ? `${run.runId} (life ${run.life})` : run.runId,
      run.pipeline,
      stateOf(run),
      run.failedPhase ?? run.phase,
      time(run.startedAt),
      lasted(run, now),
      run.rowsTotal === undefined ? '-' : count(run.rowsTotal),
      whatOf(run),
    ]),
    none,
  };
}

/** What more a list says of a run. */
function whatOf({ error, waiting, withdrawn, dryRun }: RunSummary): string {
  if (error) return `${error.code}: ${error.message}`;
  if (withdrawn) return `withdrawn ${time(withdrawn.at)} UTC${withdrawn.by === undefined ? '' : ` by ${withdrawn.by}`}`;
  return waiting ?? (dryRun ? 'dry run' : '');
}

/** A run, whole. */
export function shownRun(view: RunView, now = Date.now()): ShownPart[] {
  const { error, entities, plan, preview } = view;
  const facts: [string, Cell][] = [
    ['run', view.life > 1 ? `${view.runId} (life ${view.life})` : view.runId],
    ['pipeline', view.dryRun ? `${view.pipeline}, dry run` : view.pipeline],
    ['state', stateOf(view)],
    ...(view.status === 'Completed' ? [] : [['phase', view.failedPhase ?? view.phase] as [string, Cell]]),
    ...(view.waiting === undefined ? [] : [['waits for', view.waiting] as [string, Cell]]),
    ['started', `${time(view.startedAt)} UTC, ${hasEnded(view) ? 'took' : 'for'} ${lasted(view, now)}`],
    ['source rows', `${count(view.rows.done)} of ${count(view.rows.total)}`],
    ['batches', `${count(view.batches.done)} of ${count(view.batches.total)}`],
  ];
  if (view.rejected) facts.push(['refused rows', { text: count(view.rejected.rows), tone: 'warning' }]);
  const { skipped } = view.source ?? {};
  if (skipped) facts.push(['blobs skipped', { text: skippedText(skipped), tone: 'warning' }]);
  if (view.setAside) facts.push(['files set aside', { text: count(view.setAside.count), tone: 'warning' }]);
  if (view.routing) facts.push(...routingFacts(view.routing));
  if (view.withdrawn) facts.push(...withdrawnFacts(view.withdrawn, view.retired));
  if (view.manifest) facts.push(['manifest', `${view.outputContainer}/${view.manifest}`]);
  return [
    ...(error ? shownError(error) : []),
    { facts },
    ...(foundNothing(view) ? [nothingLine(view)] : []),
    ...(entities ? [shownEntities(entities)] : []),
    ...(plan ? shownPlan(plan) : []),
    ...(preview ? shownPreview(preview) : []),
  ];
}

/** Where source rows went that are in no rows entity: those that only brought a key are not lost. */
function routingFacts({ routed, keysOnly, unrouted }: NonNullable<RunView['routing']>): [string, Cell][] {
  const all = routed + unrouted === 0 ? ': all went to keyed entities' : '';
  return [
    ...(keysOnly > 0 ? [['rows that gave keys alone', `${count(keysOnly)}${all}`] as [string, Cell]] : []),
    ...(unrouted > 0 ? [['rows to no entity', { text: count(unrouted), tone: 'warning' }] as [string, Cell]] : []),
  ];
}

/** Blobs under the prefix that the run did not read: how many, and the first of them. */
function skippedText({ count: all, blobs }: NonNullable<NonNullable<RunView['source']>['skipped']>): string {
  const shown = blobs.slice(0, 3);
  return `${count(all)}: ${shown.join(', ')}${all > shown.length ? ', …' : ''}`;
}

/** A run that has succeeded without anything to read. */
function foundNothing({ status, dryRun, manifest, rows }: RunView): boolean {
  return status === 'Completed' && !dryRun && manifest === undefined && rows.total === 0;
}

function nothingLine({ leftOut: { read, pending } = { read: 0, pending: 0 } }: RunView): string {
  if (read + pending === 0) return 'There was nothing to read: the source has no blob that fits.';
  const others = pending > 0 ? `, and ${count(pending)} ${pending === 1 ? 'is' : 'are'} being read by other runs` : '';
  return `There was nothing new: ${count(read)} ${read === 1 ? 'blob was' : 'blobs were'} read before${others}. Read them again with --again.`;
}

function withdrawnFacts(
  { at, by, reason, filesUntil }: NonNullable<RunView['withdrawn']>,
  retired: RunView['retired'] = [],
): [string, Cell][] {
  return [
    ['withdrawn', { text: `${time(at)} UTC${by === undefined ? '' : ` by ${by}`}`, tone: 'warning' }],
    ...(reason === undefined ? [] : [['because', reason] as [string, Cell]]),
    ...(filesUntil === undefined ? [] : [['files until', `${time(filesUntil)} UTC`] as [string, Cell]]),
    ...retired.map(({ sequence, count: ids, ranges }): [string, Cell] => [
      'retired IDs',
      `${count(ids)} of ${sequence}, from ${count(BigInt(ranges[0]!.first))}${ranges.length > 1 ? `, in ${ranges.length} ranges` : ''}`,
    ]),
  ];
}

/** What failed, where, and what to do. */
function shownError({ code, message, where = {}, remedy }: NonNullable<RunView['error']>): ShownPart[] {
  const places = Object.entries(where).map(([name, value]) => `${name} ${value}`);
  return [
    { line: `${code}: ${message}`, tone: 'bad' },
    ...(places.length > 0 ? [{ line: `Where: ${places.join(', ')}`, tone: 'dim' as const }] : []),
    ...(remedy ? [plain(remedy)] : []),
  ];
}

function shownEntities(entities: NonNullable<RunView['entities']>): ShownPart {
  const id = (text: string | null) => (text === null ? '-' : count(BigInt(text)));
  return {
    columns: [
      { title: 'entity' },
      { title: 'rows', right: true },
      { title: 'files', right: true, drop: 2 },
      { title: 'bytes', right: true, drop: 3 },
      { title: 'first ID', right: true, drop: 1 },
      { title: 'last ID', right: true, drop: 1 },
      { title: 'folder', drop: 4 },
    ],
    rows: entities.map((one) => [
      one.entity,
      count(one.rows),
      count(one.fileCount),
      bytes(one.bytes),
      id(one.firstId),
      id(one.lastId),
      `${one.container}/${one.folder}`,
    ]),
    none: '',
  };
}

function shownPlan(plan: NonNullable<RunView['plan']>): ShownPart[] {
  const more = plan.fileCount - plan.files.length;
  return [
    `A run would read ${count(plan.fileCount)} blobs in ${count(plan.batches)} batches, and write ${count(plan.outputFiles)} files for each rows entity.`,
    {
      columns: [{ title: 'blob' }, { title: 'rows', right: true }, { title: 'bytes', right: true }],
      rows: [
        ...plan.files.map(({ blob, rows, size }) => [blob, count(rows), bytes(size)]),
        ...(more > 0 ? [[`and ${count(more)} more`, '', '']] : []),
      ],
      none: '',
    },
  ];
}

function shownPreview({ entities, note }: NonNullable<RunView['preview']>): ShownPart[] {
  return [
    ...Object.entries(entities).flatMap(([entity, rows]): ShownPart[] => [
      `${entity}, the first rows:`,
      shownRows(rows, 'none'),
    ]),
    plain(note),
  ];
}

/** Rows of any columns. */
export function shownRows(rows: readonly Record<string, unknown>[], none: string): ShownPart {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (value: unknown) =>
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return {
    columns: names.map((title, c) => ({ title, ...(c > 0 && { drop: c }) })),
    rows: rows.map((row) => names.map((name) => text(row[name]))),
    none,
  };
}
