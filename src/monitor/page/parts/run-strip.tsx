/**
 * A strip of the last runs: a bar for each, as high as the run was long, in the colour of its outcome. The list of runs
 * and the page of a pipeline show it. The newest is at the right, as in a chart of time.
 */
import { useState } from 'preact/hooks';
import { formatCount, formatDuration, formatTime } from '../format.ts';
import { href } from '../route.ts';
import type { RunSummary } from '../types.ts';
import { stateOf, wordOf } from './ui.tsx';

export function RunStrip({ runs, now }: { runs: readonly RunSummary[]; now: number }) {
  const [at, setAt] = useState(0);
  if (runs.length < 2) return null;
  const inTime = runs.toReversed();
  const ms = (run: RunSummary) => run.durationMs ?? Math.max(0, now - Date.parse(run.startedAt));
  // A run that goes on, and may wait for hours, must not make all others small.
  const ended = inTime.filter(({ durationMs }) => durationMs !== undefined);
  const most = Math.max(1, ...(ended.length > 0 ? ended : inTime).map(ms));
  const share = (run: RunSummary) => Math.min(100, Math.max(6, (ms(run) / most) * 100));
  const current = Math.min(at, inTime.length - 1);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(inTime.length - 1, Math.max(0, current + step));
    setAt(next);
    const links = (event.currentTarget as HTMLElement).querySelectorAll('a');
    links[next]?.focus();
  };
  return (
    <figure class="strip">
      <figcaption>
        The last {inTime.length} runs; the longest took {formatDuration(most)}
      </figcaption>
      <ol onKeyDown={move}>
        {inTime.map((run, i) => (
          <li key={run.runId}>
            <a
              href={href(['runs', run.runId])}
              tabIndex={i === current ? 0 : -1}
              onFocus={() => setAt(i)}
              aria-label={wordsOf(run, ms(run))}
              title={wordsOf(run, ms(run))}
            >
              <span class={`strip-bar ${stateOf(run).toLowerCase()}`} style={{ height: `${share(run).toFixed(1)}%` }} />
            </a>
          </li>
        ))}
      </ol>
    </figure>
  );
}

function wordsOf(run: RunSummary, ms: number): string {
  const { runId, rowsTotal, startedAt } = run;
  const rows = rowsTotal === undefined ? '' : `, ${formatCount(rowsTotal)} rows`;
  return `${runId}: ${wordOf(stateOf(run))}, ${formatDuration(ms)}${rows}, ${formatTime(startedAt)}`;
}
