/** All pipelines: where they read, what they make, and how their last run went. */
import { formatCount } from './format.ts';
import { type Column, Table } from './parts/table.tsx';
import { Answer, Link, State, stateOf, Text, Time } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import type { Pipeline, RunList } from './types.ts';

const columns: Column<Pipeline>[] = [
  { head: 'Pipeline', cell: ({ name }) => <Link to={['pipelines', name]} of={name} /> },
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
  const list = usePoll<{ pipelines: Pipeline[] }>('pipelines', () => true);
  return (
    <div class="page">
      <h1>Pipelines</h1>
      <Answer of={list}>
        {({ pipelines }) => (
          <Table
            caption="Pipelines"
            columns={columns}
            rows={pipelines}
            keyOf={({ name }) => name}
            none="This app has no pipeline. Add one in pipelines/index.ts."
          />
        )}
      </Answer>
    </div>
  );
}
