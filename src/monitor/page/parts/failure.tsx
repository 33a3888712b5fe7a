/**
 * Why a run failed, before anything else: code, message, place, what to do, how often it was tried, and the line of the
 * log that says it. And what a run waits for.
 */
import { formatDuration, plural } from '../format.ts';
import type { RunView } from '../types.ts';
import { Copy, Facts, Text, Time } from './ui.tsx';

export function Failure({ run: { runId, error, failedPhase, status } }: { run: RunView }) {
  if (!error) return null;
  const { code, message, where = {}, remedy, activity } = error;
  const ended = status === 'Terminated';
  const places = Object.entries(where).map(([name, value]): [string, preact.ComponentChildren] => [
    name === 'rowGroup' ? 'Row group' : name[0]!.toUpperCase() + name.slice(1),
    <Text key={name} of={String(value)} mono />,
  ]);
  const line = activity && logLine(runId, error);
  return (
    <section class={`failure ${ended ? 'ended' : ''}`} aria-labelledby="failure">
      <h2 id="failure">
        {ended ? 'Ended: ' : 'Failed: '}
        <Text of={code} />
      </h2>
      <p class="failure-message">
        <Text of={message} />
      </p>
      {remedy !== undefined && (
        <p class="failure-remedy">
          <strong>What to do: </strong>
          <Text of={remedy} />
        </p>
      )}
      <Facts
        class="wide"
        of={[
          ['Phase', failedPhase],
          ...places,
          ['Activity', activity && <Text key="a" of={taskOf(activity)} mono />],
          ['Tried', activity && plural(activity.attempts, 'time')],
          ['Last try took', activity?.ms === undefined ? undefined : formatDuration(activity.ms)],
          ['Last try ended', activity?.at && <Time key="t" of={activity.at} />],
        ]}
      />
      {line !== undefined && (
        <div class="log-line">
          <span class="log-label">The line in the log</span>
          <pre>
            <Text of={line} mono />
          </pre>
          <Copy text={line} label="Copy the line" />
        </div>
      )}
    </section>
  );
}

type RunError = NonNullable<RunView['error']>;

function taskOf({ name, batch, group, part, partition, entity }: NonNullable<RunError['activity']>): string {
  const numbers = Object.entries({ entity, batch, group, part, partition }).flatMap(([word, value]) =>
    value === undefined ? [] : [`${word} ${value}`],
  );
  return [name, ...numbers].join(', ');
}

/** The line that the activity's last try wrote, by which the log can be searched. */
function logLine(runId: string, { activity, ...error }: RunError): string {
  const { name, attempts: _, at: __, ms, ...labels } = activity!;
  const { line: ___, ...said } = error;
  return JSON.stringify({ event: 'activity', activity: name, runId, ...labels, ms, ok: false, error: said });
}

export function Waiting({ run: { waiting } }: { run: RunView }) {
  if (waiting === undefined) return null;
  return (
    <p class="waiting" role="status">
      <strong>Waits for </strong>
      <Text of={waiting} />
    </p>
  );
}
