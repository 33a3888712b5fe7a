/** The phases of a run with their times: a bar to scale, and a list. Waiting is hatched, and apart from work. */
import { formatDuration } from '../format.ts';
import type { RunView } from '../types.ts';
import { type Column, Table } from './table.tsx';
import { Section, Time } from './ui.tsx';

interface Span {
  phase: string;
  at: string;
  ms: number;
}

/** Each phase with its length: up to the next one, or to the end. */
export function phaseSpans({ phases = [], finishedAt }: RunView, now: number): Span[] {
  const end = finishedAt === undefined ? now : Date.parse(finishedAt);
  return phases.map(({ phase, at }, i) => {
    const next = phases[i + 1];
    return { phase, at, ms: Math.max(0, (next ? Date.parse(next.at) : end) - Date.parse(at)) };
  });
}

export function Phases({ run, now }: { run: RunView; now: number }) {
  const spans = phaseSpans(run, now);
  if (spans.length === 0) return null;
  const total = Math.max(
    1,
    spans.reduce((sum, { ms }) => sum + ms, 0),
  );
  const columns: Column<Span>[] = [
    {
      head: 'Phase',
      cell: (span) => (
        <>
          <span class={`swatch p-${span.phase}`} aria-hidden="true" />
          {span.phase}
          {run.failedPhase === span.phase && span === spans.at(-1) && <span class="tag bad">failed here</span>}
        </>
      ),
    },
    { head: 'Began', cell: ({ at }) => <Time of={at} /> },
    { head: 'Took', numeric: true, cell: ({ ms }) => formatDuration(ms) },
    { head: 'Share', numeric: true, cell: ({ ms }) => `${Math.round((ms / total) * 100)} %` },
  ];
  return (
    <Section title="Phases" class="phases">
      <div class="phase-bar" aria-hidden="true">
        {spans.map(({ phase, ms }, i) => (
          <span
            key={i}
            class={`p-${phase}`}
            style={{ flexGrow: Math.max(ms / total, 0.004) }}
            title={`${phase}: ${formatDuration(ms)}`}
          />
        ))}
      </div>
      <Table caption="Phases with their times" columns={columns} rows={spans} keyOf={({ at }) => at} small />
    </Section>
  );
}
