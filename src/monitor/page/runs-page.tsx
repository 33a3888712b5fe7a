/**
 * The list of runs: the newest first, with filters that are part of the address, and a strip of the last fifty. The
 * first page of the list is kept up to date; older pages are added as the list is scrolled.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get } from './api.ts';
import { formatCount, formatDuration, formatRate } from './format.ts';
import { RunStrip } from './parts/run-strip.tsx';
import { type Column, LongTable } from './parts/table.tsx';
import { Empty, Link, Loading, Refusal, State, stateOf, Text, Time } from './parts/ui.tsx';
import { FAST_MS, nextDelay, type Polled, useNow, usePoll } from './poll.ts';
import { go, href } from './route.ts';
import type { Pipeline, RunList, RunSummary } from './types.ts';

const PAGE = 50;
const HOUR_MS = 3_600_000;
const spans: [string, string, number][] = [
  ['', 'Any time', 0],
  ['1h', 'The last hour', HOUR_MS],
  ['24h', 'The last 24 hours', 24 * HOUR_MS],
  ['7d', 'The last 7 days', 7 * 24 * HOUR_MS],
  ['30d', 'The last 30 days', 30 * 24 * HOUR_MS],
];
const states: [string, string][] = [
  ['', 'Any state'],
  ['Running,Pending,ContinuedAsNew,Suspended', 'Going on'],
  ['Completed', 'Completed'],
  ['Failed', 'Failed'],
  ['Terminated,Canceled', 'Canceled'],
  ['Withdrawn', 'Withdrawn'],
];

export interface Filters {
  pipeline: string;
  status: string;
  since: string;
  text: string;
}

function filtersOf(query: URLSearchParams): Filters {
  const of = (name: string) => query.get(name) ?? '';
  return { pipeline: of('pipeline'), status: of('status'), since: of('since'), text: of('text') };
}

/** The API's address of a list. The time is of whole minutes, so that polls ask for one and the same. */
export function listPath({ pipeline, status, since, text }: Filters, limit: number, continuation?: string): string {
  const span = spans.find(([name]) => name === since)?.[2] ?? 0;
  const from = span > 0 ? new Date(Math.floor((Date.now() - span) / 60_000) * 60_000).toISOString() : '';
  const given = { pipeline, status, text, createdFrom: from, continuation: continuation ?? '', limit: String(limit) };
  return `runs?${new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''))}`;
}

export function RunsPage({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const shape = JSON.stringify(filters);
  const first = useSteady(usePoll<RunList>(listPath(filters, PAGE)), shape);
  const older = useOlder(shape, filters, first.value);
  const pipelines = usePoll<{ pipelines: Pipeline[] }>('pipelines', () => true);
  const runs = joined(first.value?.runs ?? [], older.runs);
  const now = useNow(runs.some(isLive));
  const some = Object.values(filters).some((value) => value !== '');
  return (
    <div class="page runs">
      <h1>Runs</h1>
      <RunFilters filters={filters} pipelines={pipelines.value?.pipelines ?? []} />
      {first.error && <Refusal of={first.error} />}
      <RunStrip runs={runs.slice(0, 50)} now={now} />
      {!first.value && !first.error && <Loading />}
      {runs.length > 0 && (
        <LongTable
          caption="Runs, the newest first"
          columns={columns(now)}
          rows={runs}
          keyOf={keyOf}
          onEnd={older.more}
        />
      )}
      {first.value && runs.length === 0 && !older.continues && (
        <Empty>
          {some
            ? 'No run fits these filters.'
            : 'No run yet. Start one with POST /api/pipelines/{pipeline}/runs, or let a blob arrive.'}
        </Empty>
      )}
      {older.error && <Refusal of={older.error} />}
      <p class="note tail" role="status">
        {older.continues
          ? 'Older runs are loaded as you scroll.'
          : runs.length > PAGE / 2
            ? 'That is the first run.'
            : ''}
      </p>
    </div>
  );
}

const keyOf = ({ runId }: RunSummary) => runId;
const isLive = ({ status }: RunSummary) => status === 'Running' || status === 'Pending';

function columns(now: number): Column<RunSummary>[] {
  return [
    { head: 'State', cell: (run) => <State of={stateOf(run)} />, class: 'c-state' },
    {
      head: 'Run',
      class: 'c-run',
      cell: ({ runId, dryRun, life }) => (
        <span class="run-name">
          <Link to={['runs', runId]} of={runId} mono clip />
          {dryRun && <span class="tag">dry run</span>}
          {life > 1 && <span class="tag">life {life}</span>}
        </span>
      ),
    },
    { head: 'Pipeline', class: 'c-pipeline', cell: ({ pipeline }) => <Text of={pipeline} clip /> },
    { head: 'Phase, or error', class: 'c-phase', cell: (run) => <PhaseOrError run={run} /> },
    { head: 'Rows', numeric: true, class: 'c-rows', cell: ({ rowsTotal }) => formatCount(rowsTotal) },
    { head: 'IDs', numeric: true, class: 'c-ids', cell: ({ idsGiven }) => formatCount(idsGiven) },
    { head: 'Duration', numeric: true, class: 'c-duration', cell: (run) => formatDuration(durationOf(run, now)) },
    {
      head: 'Rate',
      numeric: true,
      class: 'c-rate',
      cell: ({ rowsTotal = 0, durationMs, status }) =>
        status === 'Completed' ? formatRate(rowsTotal, durationMs) : '',
    },
    { head: 'Started', class: 'c-started', cell: ({ startedAt }) => <Time of={startedAt} /> },
    { head: 'By', class: 'c-by', cell: ({ startedBy }) => <StartedBy of={startedBy} /> },
  ];
}

export function durationOf({ startedAt, durationMs }: RunSummary, now: number): number {
  return durationMs ?? Math.max(0, now - Date.parse(startedAt));
}

export function StartedBy({ of }: { of: RunSummary['startedBy'] }) {
  if (!of) return null;
  const { by, who } = of;
  if (by === 'backfill' && who !== undefined) return <Link to={['backfills', who]} of={who} clip />;
  if (by === 'schedule') return <Text of={`schedule (${who ?? ''})`} clip />;
  return <Text of={by === 'arrival' ? `arrival (${who ?? 'blob'})` : (who ?? 'request')} clip />;
}

function PhaseOrError({ run: { status, phase, error, waiting, failedPhase, withdrawn } }: { run: RunSummary }) {
  if (error) return <Text of={`${failedPhase ? `${failedPhase}: ` : ''}${error.code}: ${error.message}`} clip />;
  if (withdrawn) return <Text of={`taken back${withdrawn.by === undefined ? '' : ` by ${withdrawn.by}`}`} clip />;
  if (status === 'Completed') return null;
  return <Text of={waiting === undefined ? phase : `${phase}, waits for ${waiting}`} clip />;
}

/** What was shown stays until the next answer: a span of time ends in another minute, and so in another address. */
function useSteady<T>(polled: Polled<T>, shape: string): Polled<T> {
  const last = useRef<{ shape: string; value: T } | undefined>(undefined);
  if (polled.value !== undefined) last.current = { shape, value: polled.value };
  if (polled.value !== undefined || last.current?.shape !== shape) return polled;
  return { ...polled, value: last.current.value };
}

/** The list with what has changed in it: each run once, where it was first seen. */
function joined(fresh: readonly RunSummary[], older: readonly RunSummary[]): RunSummary[] {
  const seen = new Set<string>();
  return [...fresh, ...older].filter((run) => !seen.has(keyOf(run)) && seen.add(keyOf(run)));
}

interface Older {
  runs: RunSummary[];
  /** Where the next page is; undefined when there is none. */
  next: string | undefined;
}

/** The pages behind the first one, one after the other. */
function useOlder(shape: string, filters: Filters, first: RunList | undefined) {
  const [older, setOlder] = useState<
    Older & { shape: string; begun: boolean; error?: Parameters<typeof Refusal>[0]['of'] }
  >();
  const busy = useRef(false);
  const rest = useRef(FAST_MS);
  const [turn, setTurn] = useState(0);
  const newest = useRef<{ shape: string; runs: readonly RunSummary[] } | undefined>(undefined);
  const mine = older?.shape === shape ? older : undefined;
  // Newer runs push others off the first page: those lie between it and the older ones.
  useEffect(() => {
    const before = newest.current?.shape === shape ? newest.current.runs : [];
    newest.current = { shape, runs: first?.runs ?? before };
    if (!mine?.begun || !first || before.length === 0) return;
    const seen = new Set(first.runs.map(keyOf));
    const kept = before.findLastIndex((run) => seen.has(keyOf(run)));
    const pushed = before.slice(kept + 1);
    // Where none is left, others may have come between unseen: the older ones are asked for again.
    if (kept < 0) setOlder(undefined);
    else if (pushed.length > 0) {
      setOlder((now) => (now?.shape === shape ? { ...now, runs: [...pushed, ...now.runs] } : now));
    }
  }, [first, shape]);
  const next = mine?.begun ? mine.next : first?.continuation;
  const runs = mine?.runs ?? [];
  const more = useCallback(() => {
    if (busy.current || next === undefined) return;
    busy.current = true;
    get<RunList>(listPath(filters, PAGE * 2, next))
      .then((page) => {
        busy.current = false;
        rest.current = FAST_MS;
        setOlder((now) => {
          const all = joined(now?.shape === shape ? now.runs : [], page.runs);
          return { shape, begun: true, runs: all, next: page.continuation };
        });
      })
      .catch((error) => {
        setOlder((now) => ({ ...(now?.shape === shape ? now : { shape, begun: true, runs, next }), error }));
        // Who is at the end of the list cannot scroll on: the page is asked for again after a rest.
        setTimeout(() => {
          busy.current = false;
          setTurn((n) => n + 1);
        }, rest.current);
        rest.current = nextDelay(rest.current, false, true, 0);
      });
  }, [shape, next, runs.length, turn]);
  // A page may be empty although it is not the last: the next one is asked for at once.
  useEffect(() => {
    if (first && first.runs.length + runs.length < PAGE / 2) more();
  }, [first, runs.length, more]);
  return { runs, more, continues: next !== undefined, error: mine?.error };
}

function RunFilters({ filters, pipelines }: { filters: Filters; pipelines: readonly Pipeline[] }) {
  const [text, setText] = useState(filters.text);
  const set = (change: Partial<Filters>) => go(href(['runs'], { ...filters, ...change }), true);
  const set1 = useRef(set);
  set1.current = set;
  // The address as this field has set it, or has taken it over: any other is where a link or Back has led.
  const sent = useRef(filters.text);
  useEffect(() => {
    if (filters.text === sent.current) return;
    sent.current = filters.text;
    setText(filters.text);
  }, [filters.text]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      set1.current({ text });
    }, 300);
    return () => clearTimeout(timer);
  }, [text]);
  const names = [...new Set([...pipelines.map(({ name }) => name), ...(filters.pipeline ? [filters.pipeline] : [])])];
  return (
    <search class="filters">
      <label>
        <span>Run ID</span>
        <input
          type="search"
          maxLength={100}
          placeholder="part of it"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <Choice
        label="Pipeline"
        value={filters.pipeline}
        of={[['', 'Any pipeline'], ...names.map((name): [string, string] => [name, name])]}
        onChange={(pipeline) => set({ pipeline })}
      />
      <Choice label="State" value={filters.status} of={states} onChange={(status) => set({ status })} />
      <Choice
        label="Started"
        value={filters.since}
        of={spans.map(([value, words]): [string, string] => [value, words])}
        onChange={(since) => set({ since })}
      />
    </search>
  );
}

function Choice(props: {
  label: string;
  value: string;
  of: readonly [string, string][];
  onChange(value: string): void;
}) {
  return (
    <label>
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.of.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
