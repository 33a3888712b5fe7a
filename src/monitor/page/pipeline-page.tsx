/**
 * One pipeline: its last runs over time, what has arrived, its entities, the contract of its rows, and what ties it to
 * the IDs that it has given.
 */
import { formatCount, formatDuration, formatRate } from './format.ts';
import { ArrivalsOf } from './parts/arrivals.tsx';
import { Contract, Entities } from './parts/contract.tsx';
import { RunStrip } from './parts/run-strip.tsx';
import { StartForm } from './parts/start-form.tsx';
import { type Column, Table } from './parts/table.tsx';
import { RunTrend } from './parts/trend.tsx';
import { Empty, Facts, Loading, Refusal, Scroll, Section, State, stateOf, Text, Time } from './parts/ui.tsx';
import { useNow, usePoll } from './poll.ts';
import { href } from './route.ts';
import type { About, PipelineDetail, RunList, RunSummary } from './types.ts';

const RUNS = 50;

export function PipelinePage({ name }: { name: string }) {
  const pipeline = usePoll<PipelineDetail>(`pipelines/${encodeURIComponent(name)}`, () => true);
  const list = usePoll<RunList>(
    pipeline.value && `runs?${new URLSearchParams({ pipeline: name, limit: String(RUNS) })}`,
  );
  const about = usePoll<About>('about', () => true);
  const runs = list.value?.runs ?? [];
  const now = useNow(runs.some(({ status }) => status === 'Running'));
  const { value } = pipeline;
  return (
    <div class="page">
      <nav aria-label="Where this is" class="crumbs">
        <a href={href(['pipelines'])}>Pipelines</a>
      </nav>
      <header class="run-head">
        <h1>
          <Text of={name} />
        </h1>
        {value && about.value?.monitor.actions && <StartForm pipeline={value} />}
      </header>
      {pipeline.error && <Refusal of={pipeline.error} />}
      {!value && !pipeline.error && <Loading />}
      {value && (
        <>
          <Facts
            class="wide"
            of={[
              [
                'Source',
                <Text key="s" of={`${value.source.container}/${value.source.prefix}*${value.source.suffix}`} mono />,
              ],
              ['Output', <Text key="o" of={`${value.output.container}/${value.output.prefix}`} mono />],
              ['Rows that the contract refuses', value.onInvalid === 'quarantine' ? 'are set aside' : 'fail the run'],
              ['Starts by itself', value.arrival ? `on ${value.arrival.on}` : 'no'],
            ]}
          />
          <RunStrip runs={runs} now={now} />
          <RunTrend runs={runs} />
          <Section title="Last runs" aside={<a href={href(['runs'], { pipeline: name })}>All runs</a>}>
            {list.error && <Refusal of={list.error} />}
            {!list.value && !list.error && <Loading />}
            {list.value && runs.length === 0 && <Empty>No run yet.</Empty>}
            {runs.length > 0 && (
              <Scroll label="Last runs">
                <Table caption="Last runs" columns={runColumns} rows={runs.slice(0, 12)} keyOf={({ runId }) => runId} />
              </Scroll>
            )}
          </Section>
          <ArrivalsOf pipeline={name} />
          <Entities pipeline={value} />
          <Contract pipeline={value} />
        </>
      )}
    </div>
  );
}

const runColumns: Column<RunSummary>[] = [
  { head: 'State', cell: (run) => <State of={stateOf(run)} /> },
  {
    head: 'Run',
    cell: ({ runId }) => (
      <a href={href(['runs', runId])}>
        <Text of={runId} mono clip />
      </a>
    ),
  },
  { head: 'Rows', numeric: true, cell: ({ rowsTotal }) => formatCount(rowsTotal) },
  { head: 'IDs', numeric: true, cell: ({ idsGiven }) => formatCount(idsGiven) },
  { head: 'Duration', numeric: true, cell: ({ durationMs }) => formatDuration(durationMs) },
  {
    head: 'Rate',
    numeric: true,
    cell: ({ status, rowsTotal = 0, durationMs }) => (status === 'Completed' ? formatRate(rowsTotal, durationMs) : ''),
  },
  { head: 'Started', cell: ({ startedAt }) => <Time of={startedAt} /> },
];
