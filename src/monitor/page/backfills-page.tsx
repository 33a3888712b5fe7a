/**
 * Backfills: large sources that are read in many runs. The list, and one of them: how far it is, which runs are under way,
 * and the run that stopped it.
 */
import { formatBytes, formatCount, plural } from './format.ts';
import { BackfillActions } from './parts/backfill-actions.tsx';
import { type Column, Table } from './parts/table.tsx';
import { Answer, Empty, Facts, Figure, Link, Page, type RunState, Section, State, Text, Time } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import { StartedBy } from './runs-page.tsx';
import type { About, Backfill } from './types.ts';

const LIMIT = 100;

/** The backend's states, in the words of runs. */
function stateOf({ status }: Backfill): RunState {
  if (status === 'Canceled') return 'Terminated';
  return status === 'ContinuedAsNew' || status === 'Suspended' ? 'Running' : status;
}

const goesOn = (of: Backfill) => stateOf(of) === 'Running' || of.status === 'Pending';

/** "3 of 12". */
const share = ({ done, total }: Backfill['files'], format: (n: number) => string = formatCount) =>
  `${format(done)} of ${format(total)}`;

const columns: Column<Backfill>[] = [
  { head: 'State', cell: (one) => <State of={stateOf(one)} /> },
  { head: 'Backfill', cell: ({ backfillId: id }) => <Link to={['backfills', id]} of={id} mono clip /> },
  { head: 'Pipeline', cell: ({ pipeline }) => <Text of={pipeline} clip /> },
  { head: 'Runs', numeric: true, cell: ({ runs }) => share(runs) },
  { head: 'Bytes', numeric: true, cell: ({ bytes }) => share(bytes, formatBytes) },
  { head: 'Rows', numeric: true, cell: ({ rows }) => formatCount(rows) },
  { head: 'Started', cell: ({ startedAt }) => <Time of={startedAt} /> },
  { head: 'By', cell: ({ startedBy }) => <StartedBy of={startedBy} /> },
  { head: 'Error', cell: ({ error }) => error && <Text of={`${error.code}: ${error.message}`} clip /> },
];

export function BackfillsPage() {
  const list = usePoll<{ backfills: Backfill[]; total: number }>(`backfills?limit=${LIMIT}`);
  return (
    <div class="page">
      <h1>Backfills</h1>
      <Answer of={list}>
        {({ backfills, total }) => (
          <>
            <Table
              caption="Backfills, the newest first"
              columns={columns}
              rows={backfills}
              keyOf={({ backfillId }) => backfillId}
              none="No backfill yet. It reads a large source in many runs: POST /api/pipelines/{pipeline}/backfill starts one."
            />
            {total > LIMIT && (
              <p class="note">
                The newest {LIMIT} of {formatCount(total)}.
              </p>
            )}
          </>
        )}
      </Answer>
    </div>
  );
}

export function BackfillPage({ id }: { id: string }) {
  const backfill = usePoll<Backfill>(`backfills/${encodeURIComponent(id)}`, (value) => !goesOn(value));
  const about = usePoll<About>('about', () => true);
  const { value } = backfill;
  const aside = value && (
    <>
      <State of={stateOf(value)} />
      {about.value?.monitor.actions && (
        <BackfillActions backfill={value} goesOn={goesOn(value)} onDone={backfill.again} />
      )}
    </>
  );
  return (
    <Page
      class="run"
      within={<a href={href(['backfills'])}>Backfills</a>}
      title={<Text of={id} mono />}
      aside={aside ?? null}
    >
      <Answer of={backfill}>{(of) => <Details of={of} />}</Answer>
    </Page>
  );
}

function Details({ of }: { of: Backfill }) {
  const { backfillId, runs, files, bytes, rows, error, prefix, glob, cut, atOnce } = of;
  const each =
    cut.by === 'folder' ? `a run for each folder${cut.depth === undefined ? '' : ` to depth ${cut.depth}`}` : 'by size';
  return (
    <>
      {error && <Stopped {...error} />}
      <section class="summary" aria-label="Summary">
        <div class="figures">
          <Figure label="runs">{share(runs)}</Figure>
          <Figure label="files">{share(files)}</Figure>
          <Figure label="bytes">{share(bytes, formatBytes)}</Figure>
          <Figure label="source rows">{formatCount(rows)}</Figure>
        </div>
        {bytes.total > 0 && (
          <p class="progress">
            <progress value={bytes.done} max={bytes.total} aria-label="Bytes of the source that are read" />
            <span>{Math.floor((bytes.done / bytes.total) * 100)} % of the source is read</span>
          </p>
        )}
        <Facts
          class="wide"
          of={[
            ['Pipeline', <Link key="p" to={['pipelines', of.pipeline]} of={of.pipeline} />],
            ['Source', <Text key="s" of={glob ?? `${prefix}*`} mono />],
            ['Cut', `${each}, of ${formatBytes(cut.bytes)} and ${plural(cut.files, 'file')} at most`],
            ['At once', plural(atOnce, 'run')],
            ['Started', <Time key="t" of={of.startedAt} />],
            ['Started by', of.startedBy && <StartedBy of={of.startedBy} />],
            ['Ended', !goesOn(of) && <Time key="e" of={of.updatedAt} />],
          ]}
        />
      </section>
      <Section title="Runs" aside={<a href={href(['runs'], { text: `${backfillId}-` })}>All runs of it</a>}>
        {runs.going.length === 0 ? (
          <Empty>{goesOn(of) ? 'No run is under way just now.' : 'No run of it is under way.'}</Empty>
        ) : (
          <ul class="plain">
            {runs.going.map((runId) => (
              <li key={runId}>
                <Link to={['runs', runId]} of={runId} mono /> is under way
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

function Stopped({ code, message, runId }: NonNullable<Backfill['error']>) {
  return (
    <section class="failure" aria-labelledby="failure">
      <h2 id="failure">
        Stopped: <Text of={code} />
      </h2>
      <p class="failure-message">
        <Text of={message} />
      </p>
      <p class="failure-remedy">
        <strong>What to do: </strong>
        {runId !== undefined && (
          <>
            See run <Link to={['runs', runId]} of={runId} mono />.{' '}
          </>
        )}
        Mend the cause, and start the backfill again: it goes on where it was.
      </p>
    </section>
  );
}
