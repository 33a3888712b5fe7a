/** Rows per second of the split, over the time of the run. The chart is for the eye; a sentence below it says the most. */
import type uPlot from 'uplot';
import { formatDuration, formatShort } from '../format.ts';
import type { TimelineView } from '../types.ts';
import { useChart } from './size.ts';
import { Section } from './ui.tsx';

const HEIGHT_PX = 150;
const BINS = 48;
/** Room that half the words of a tick need. */
const HALF_TICK_PX = 28;

/** Rows per second, by the middle of each slot in seconds. Undefined where no batch is split. */
export function rateOf({ groups, to }: TimelineView): { at: number[]; rate: number[] } | undefined {
  const split = groups.find(({ phase }) => phase === 'split');
  if (!split || split.rowsDone === 0) return undefined;
  const { tasks, slots } = split;
  // To the end of the splitting, so that a long wait behind it does not make it a point.
  const end = Math.max(1, split.last);
  const bins = slots ? Math.max(1, Math.min(slots.rows.length, Math.ceil((end / to) * slots.rows.length))) : BINS;
  const ms = slots ? slots.ms : end / bins;
  const rows = new Array<number>(bins).fill(0);
  if (slots) rows.splice(0, bins, ...slots.rows.slice(0, bins));
  // A batch's rows are spread over the time that it was worked on.
  tasks?.number.forEach((_, i) => {
    const [from, until] = [tasks.started[i]!, Math.max(tasks.started[i]! + 1, tasks.ended[i]!)];
    for (let s = Math.floor(from / ms); s < bins && s * ms < until; s++) {
      const share = Math.min(until, (s + 1) * ms) - Math.max(from, s * ms);
      rows[s]! += (tasks.rows[i]! * Math.max(0, share)) / (until - from);
    }
  });
  return { at: rows.map((_, s) => ((s + 0.5) * ms) / 1000), rate: rows.map((n) => (n / ms) * 1000) };
}

export function RateChart({ timeline }: { timeline: TimelineView | undefined }) {
  const rate = timeline && rateOf(timeline);
  const ref = useChart(rate && [rate.at, rate.rate], timeline, optionsOf);
  if (!rate) return null;
  const most = Math.max(...rate.rate);
  const split = timeline!.groups.find(({ phase }) => phase === 'split')!;
  const mean = (split.rowsDone / Math.max(1, split.last - split.first)) * 1000;
  return (
    <Section title="Rows per second" class="rate">
      <div ref={ref} class="chart" aria-hidden="true" />
      <p class="note">
        {formatShort(mean)} rows/s on average while it was split ({formatDuration(split.last - split.first)}), at most{' '}
        {formatShort(most)} rows/s.
      </p>
    </Section>
  );
}

function isNearEnd(chart: uPlot, at: number): boolean {
  return chart.valToPos(at, 'x') > chart.width - 60 - HALF_TICK_PX;
}

function optionsOf(colour: (name: string) => string): Omit<uPlot.Options, 'width'> {
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = { stroke: colour('--muted'), grid, ticks: { show: false }, font: '11px system-ui' };
  return {
    height: HEIGHT_PX,
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, max * 1.08 || 1] } },
    axes: [
      // The words of a tick at the end would be cut off.
      { ...axis, size: 24, values: (u, at) => at.map((s) => (isNearEnd(u, s) ? '' : formatDuration(s * 1000))) },
      { ...axis, size: 52, values: (_, at) => at.map((n) => formatShort(n)) },
    ],
    series: [
      {},
      {
        stroke: colour('--p-split'),
        fill: colour('--p-split-pale'),
        width: 1.5,
        points: { show: false },
      },
    ],
  };
}
