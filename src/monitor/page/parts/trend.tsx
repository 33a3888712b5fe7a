/** Duration and rows per second over the last runs that published. The strip above it and the table below say the same. */
import type uPlot from 'uplot';
import { formatDuration, formatShort } from '../format.ts';
import type { RunSummary } from '../types.ts';
import { useChart } from './size.ts';
import { Section, stateOf } from './ui.tsx';

const HEIGHT_PX = 170;

/** The runs that published, the oldest first. */
function measured(runs: readonly RunSummary[]) {
  return runs
    .filter((run) => stateOf(run) === 'Completed' && (run.rowsTotal ?? 0) > 0 && (run.durationMs ?? 0) > 0)
    .toReversed();
}

export function RunTrend({ runs }: { runs: readonly RunSummary[] }) {
  const of = measured(runs);
  const data: uPlot.AlignedData = [
    of.map((_, i) => i),
    of.map(({ durationMs = 0 }) => durationMs),
    of.map(({ rowsTotal = 0, durationMs = 1 }) => (rowsTotal / durationMs) * 1000),
  ];
  const ref = useChart(data, runs, optionsOf);
  if (of.length < 2) return null;
  return (
    <Section
      title="Duration and rate"
      class="trend"
      note={
        <>
          The last {of.length} runs that published. <span class="key duration">duration, left</span>{' '}
          <span class="key speed">rows per second, right</span>
        </>
      }
    >
      <div ref={ref} class="chart" aria-hidden="true" />
    </Section>
  );
}

function optionsOf(colour: (name: string) => string): Omit<uPlot.Options, 'width'> {
  const axis = { grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const [duration, speed] = [colour('--accent'), colour('--p-publish')];
  const range: uPlot.Range.Function = (_, __, max) => [0, max * 1.1 || 1];
  return {
    height: HEIGHT_PX,
    scales: { x: { time: false }, ms: { range }, rate: { range } },
    axes: [
      { show: false },
      { ...axis, scale: 'ms', stroke: duration, size: 62, values: (_, at) => at.map((ms) => formatDuration(ms)) },
      {
        ...axis,
        scale: 'rate',
        side: 1,
        stroke: speed,
        size: 56,
        grid: { show: false },
        values: (_, at) => at.map(formatShort),
      },
    ],
    series: [
      {},
      { scale: 'ms', stroke: duration, width: 1.5, points: { show: true, size: 5 } },
      { scale: 'rate', stroke: speed, width: 1.5, dash: [4, 3], points: { show: true, size: 5 } },
    ],
  };
}
