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
import { Answer, Facts, Link, Page, Section, State, stateOf, Text, Time } from './parts/ui.tsx';
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
    <Page
      within={<a href={href(['pipelines'])}>Pipelines</a>}
      title={<Text of={name} />}
      aside={value && about.value?.monitor.actions ? <StartForm pipeline={value} /> : null}
    >
      <Answer of={pipeline}>
        {(of) => (
          <>
            <Facts
              class="wide"
              of={[
                ['Source', <Text key="s" of={`${of.source.container}/${of.source.prefix}*${of.source.suffix}`} mono />],
                ['Output', <Text key="o" of={`${of.output.container}/${of.output.prefix}`} mono />],
                ['Rows that the contract refuses', of.onInvalid === 'quarantine' ? 'are set aside' : 'fail the run'],
                ['Starts by itself', of.arrival ? `on ${of.arrival.on}` : 'no'],
              ]}
            />
            <RunStrip runs={runs} now={now} />
            <RunTrend runs={runs} />
            <Section title="Last runs" aside={<a href={href(['runs'], { pipeline: name })}>All runs</a>}>
              <Answer of={list}>
                {() => (
                  <Table
                    caption="Last runs"
                    columns={runColumns}
                    rows={runs.slice(0, 12)}
                    keyOf={({ runId }) => runId}
                    none="No run yet."
                  />
                )}
              </Answer>
            </Section>
            <ArrivalsOf pipeline={name} />
            <Entities pipeline={of} />
            <Contract pipeline={of} />
          </>
        )}
      </Answer>
    </Page>
  );
}

const runColumns: Column<RunSummary>[] = [
  { head: 'State', cell: (run) => <State of={stateOf(run)} /> },
  { head: 'Run', cell: ({ runId }) => <Link to={['runs', runId]} of={runId} mono clip /> },
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
