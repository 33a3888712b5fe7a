/**
 * How far a run is in its present phase: a bar where the phase has several tasks, and how long it has gone on and will go
 * on in words. The run's page shows it while the run goes on.
 */
import { formatCount, formatDuration, formatRate, plural } from '../format.ts';
import { leftMs, phaseMs, shareOf } from '../pace.ts';
import type { RunView } from '../types.ts';

const words: Partial<Record<RunView['phase'], string>> = {
  plan: 'Planning',
  split: 'Splitting',
  wait: 'Waiting',
  resolve: 'Resolving keys',
  reserve: 'Reserving IDs',
  seal: 'Sealing',
  publish: 'Publishing',
};

export function Progress({ run, now }: { run: RunView; now: number }) {
  const { phase, tasks, batches, rows } = run;
  const ms = phaseMs(run, now);
  const share = shareOf(run);
  const left = leftMs(run, now);
  const word = words[phase] ?? phase;
  const splits = [`${formatCount(batches.done)} of ${plural(batches.total, 'batch', 'batches')}`];
  if (rows.done > 0) splits.push(plural(rows.done, 'row'), formatRate(rows.done, ms));
  const parts = [
    `${word} for ${formatDuration(ms)}`,
    ...(share && phase === 'split' ? splits : []),
    ...(share && tasks && phase !== 'split' ? [`${formatCount(tasks.done)} of ${plural(tasks.total, 'task')}`] : []),
    ...(left === undefined ? [] : [`about ${formatDuration(left)} of it left`]),
  ];
  return (
    <p class="progress">
      {share && <progress value={share.done} max={share.total} aria-label={`${word}: what has been done`} />}
      <span>{parts.join(', ')}</span>
    </p>
  );
}
