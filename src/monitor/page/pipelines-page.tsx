/** All pipelines: where they read, what they make, and how their last run went. */
import { formatCount } from './format.ts';
import { type Column, Table } from './parts/table.tsx';
import { Empty, Loading, Refusal, Scroll, State, stateOf, Text, Time } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import type { Pipeline, RunList } from './types.ts';

const columns: Column<Pipeline>[] = [
  {
    head: 'Pipeline',
    cell: ({ name }) => (
      <a href={href(['pipelines', name])}>
        <Text of={name} />
      </a>
    ),
  },
  { head: 'Source', cell: ({ source }) => <Text of={`${source.container}/${source.prefix}*${source.suffix}`} mono /> },
  { head: 'Output', cell: ({ output }) => <Text of={`${output.container}/${output.prefix}`} mono /> },
  { head: 'Entities', numeric: true, cell: ({ entities }) => formatCount(entities.length) },
  { head: 'Starts by itself', cell: ({ arrival }) => (arrival ? `on ${arrival.on}` : <span class="muted">no</span>) },
  { head: 'Last run', cell: ({ name }) => <LastRun pipeline={name} /> },
];

function LastRun({ pipeline }: { pipeline: string }) {
  const { value } = usePoll<RunList>(`runs?${new URLSearchParams({ pipeline, limit: '1' })}`);
  const run = value?.runs[0];
  if (!value) return <span class="muted">…</span>;
  if (!run) return <span class="muted">none yet</span>;
  return (
    <a href={href(['runs', run.runId])} class="holder">
      <State of={stateOf(run)} /> <Time of={run.startedAt} />
    </a>
  );
}

export function PipelinesPage() {
  const { value, error } = usePoll<{ pipelines: Pipeline[] }>('pipelines', () => true);
  return (
    <div class="page">
      <h1>Pipelines</h1>
      {error && <Refusal of={error} />}
      {!value && !error && <Loading />}
      {value?.pipelines.length === 0 && <Empty>This app has no pipeline. Add one in pipelines/index.ts.</Empty>}
      {value && value.pipelines.length > 0 && (
        <Scroll label="Pipelines">
          <Table caption="Pipelines" columns={columns} rows={value.pipelines} keyOf={({ name }) => name} />
        </Scroll>
      )}
    </div>
  );
}
