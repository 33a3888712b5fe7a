/**
 * One run: what became of it, its failure first, how its phases and batches went in time, what went where, and its
 * inputs and outputs. It follows the run until it has ended.
 */
import { formatCount, formatDuration, formatRate } from './format.ts';
import { Failure, Waiting } from './parts/failure.tsx';
import { Gantt } from './parts/gantt.tsx';
import { Graph } from './parts/graph.tsx';
import { Inputs, Outputs } from './parts/outputs.tsx';
import { Phases } from './parts/phases.tsx';
import { Plan } from './parts/plan.tsx';
import { Progress } from './parts/progress.tsx';
import { RateChart } from './parts/rate-chart.tsx';
import { RunActions } from './parts/run-actions.tsx';
import { Answer, Facts, Figure, Link, Page, State, stateOf, Text, Time } from './parts/ui.tsx';
import { NothingRead, Withdrawn } from './parts/withdrawn.tsx';
import { useNow, usePoll } from './poll.ts';
import { href } from './route.ts';
import { durationOf, StartedBy } from './runs-page.tsx';
import type { About, PipelineDetail, RunView, TimelineView } from './types.ts';

const hasEnded = ({ status }: RunView) => status !== 'Running' && status !== 'Pending';

/** Tasks of a phase that are drawn one by one. */
const BARS = 200;

export function RunPage({ runId }: { runId: string }) {
  const path = `runs/${encodeURIComponent(runId)}`;
  const run = usePoll<RunView>(path, hasEnded);
  const live = run.value !== undefined && !hasEnded(run.value);
  const timeline = usePoll<TimelineView>(run.value && `${path}/timeline?bars=${BARS}`, (value) => !value.live);
  const pipeline = usePoll<PipelineDetail>(
    run.value && `pipelines/${encodeURIComponent(run.value.pipeline)}`,
    () => true,
  );
  const about = usePoll<About>('about', () => true);
  const now = useNow(live);
  const { value } = run;
  // Both have ended with the life before.
  const again = () => {
    run.again();
    timeline.again();
  };
  const aside = (
    <>
      {value && <State of={stateOf(value)} />}
      {value?.dryRun && <span class="tag">dry run</span>}
      {value && about.value?.monitor.actions && <RunActions run={value} onDone={again} />}
    </>
  );
  return (
    <Page class="run" within={<a href={href(['runs'])}>Runs</a>} title={<Text of={runId} mono />} aside={aside}>
      <Answer of={run}>
        {(of) => (
          <>
            <Failure run={of} />
            <Waiting run={of} />
            <Withdrawn run={of} />
            <NothingRead run={of} />
            <Summary run={of} now={now} />
            <div class="run-grid">
              <Phases run={of} now={now} />
              <RateChart timeline={timeline.value} />
              <Gantt run={of} timeline={timeline.value} now={now} />
              <Graph run={of} pipeline={pipeline.value} />
              <Plan run={of} />
              <Outputs run={of} />
              <Inputs run={of} />
            </div>
          </>
        )}
      </Answer>
    </Page>
  );
}

function Summary({ run, now }: { run: RunView; now: number }) {
  const { rowsTotal, idsGiven, status } = run;
  const ms = durationOf(run, now);
  return (
    <section class="summary" aria-label="Summary">
      <div class="figures">
        <Figure label={hasEnded(run) ? 'duration' : 'so far'}>{formatDuration(ms)}</Figure>
        <Figure label="source rows">{rowsTotal === undefined ? '–' : formatCount(rowsTotal)}</Figure>
        <Figure label="IDs given">{idsGiven === undefined ? '–' : formatCount(idsGiven)}</Figure>
        <Figure label="rate">{(status === 'Completed' && formatRate(rowsTotal ?? 0, ms)) || '–'}</Figure>
      </div>
      {!hasEnded(run) && <Progress run={run} now={now} />}
      <Facts
        class="wide"
        of={[
          ['Pipeline', <Link key="p" to={['pipelines', run.pipeline]} of={run.pipeline} />],
          ['Life', run.life > 1 ? run.life : undefined],
          ['Started', <Time key="s" of={run.startedAt} />],
          ['Ended', run.finishedAt && <Time key="e" of={run.finishedAt} />],
          ['Started by', run.startedBy && <StartedBy of={run.startedBy} />],
          ['Phase', hasEnded(run) ? undefined : run.phase],
          ['Manifest', run.manifest && <Text key="m" of={`${run.outputContainer ?? ''}/${run.manifest}`} mono />],
        ]}
      />
    </section>
  );
}
