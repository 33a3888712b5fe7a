/**
 * Phases and batches in time. Each task is a bar: thin and pale while it waited, full while it was worked on. Of a phase
 * with more tasks than that, how many waited and worked at a time is drawn as areas. The table below says the same.
 */
import { useState } from 'preact/hooks';
import { formatCount, formatDuration, plural } from '../format.ts';
import type { RunView, TimelineView } from '../types.ts';
import { phaseSpans } from './phases.tsx';
import { ticks, timeSteps, useWidth } from './size.ts';
import { type Column, Table } from './table.tsx';
import { Empty, Loading, Section, Text } from './ui.tsx';

type Group = TimelineView['groups'][number];
type Tasks = NonNullable<Group['tasks']>;
type Slots = NonNullable<Group['slots']>;

const AREA_PX = 64;
const HEAD_PX = 18;
const AXIS_PX = 22;
const GAP_PX = 10;
/** Room that the words of a tick need. */
const TICK_PX = 58;

/** The groups of one phase: those of its entities lie below one another. */
interface Lane {
  phase: Group['phase'];
  groups: Group[];
  tasks: number;
}

function lanesOf(groups: readonly Group[]): Lane[] {
  const lanes: Lane[] = [];
  for (const group of groups) {
    const last = lanes.at(-1);
    if (last?.phase === group.phase) {
      last.groups.push(group);
      last.tasks += group.count;
    } else lanes.push({ phase: group.phase, groups: [group], tasks: group.count });
  }
  return lanes;
}

/** Pixels of a task's row: few tasks are drawn large. */
function rowPx(tasks: number): number {
  return tasks <= 12 ? 12 : tasks <= 40 ? 8 : tasks <= 100 ? 5 : 3;
}

function heightOf({ tasks, count }: Group, row: number): number {
  return tasks ? count * row : AREA_PX;
}

interface Scale {
  /** Milliseconds since 1970 at the left, and shown in all. */
  from: number;
  span: number;
  width: number;
}

const x = ({ span, width }: Scale, ms: number) => Math.round(((ms / span) * width + Number.EPSILON) * 100) / 100;

export function Gantt({ run, timeline, now }: { run: RunView; timeline: TimelineView | undefined; now: number }) {
  const [ref, , width] = useWidth<HTMLDivElement>();
  if (run.dryRun) return null;
  const groups = timeline?.groups ?? [];
  const from = Math.min(
    Date.parse(run.startedAt),
    ...(timeline && groups.length > 0 ? [Date.parse(timeline.from)] : []),
  );
  const end = run.finishedAt === undefined ? now : Date.parse(run.finishedAt);
  const latest = timeline ? Date.parse(timeline.from) + timeline.to : 0;
  const scale: Scale = { from, span: Math.max(1, end - from, latest - from), width: Math.max(0, width) };
  const many = groups.some(({ slots }) => slots);
  const note = many
    ? 'Phases of many tasks are drawn as areas: tasks that were worked on, and those that waited.'
    : 'Each bar is a task: pale while it waited, full while it was worked on.';
  return (
    <Section title="Batches in time" class="gantt" note={groups.length > 0 ? note : undefined}>
      <div ref={ref} class="gantt-area">
        {timeline && groups.length > 0 && width > 0 && <Chart run={run} timeline={timeline} scale={scale} now={now} />}
      </div>
      {!timeline && <Loading />}
      {timeline && groups.length === 0 && (
        <Empty>{timeline.live ? 'No task has ended yet.' : 'No task of this life has ended.'}</Empty>
      )}
      {timeline?.live && groups.length > 0 && <p class="note">The run goes on: a task is drawn when it has ended.</p>}
      {groups.length > 0 && timeline && <Totals timeline={timeline} />}
    </Section>
  );
}

function Chart({ run, timeline, scale, now }: { run: RunView; timeline: TimelineView; scale: Scale; now: number }) {
  const { groups } = timeline;
  const offset = Date.parse(timeline.from) - scale.from;
  let y = GAP_PX;
  const lanes = lanesOf(groups).map((lane) => {
    const top = y;
    const row = rowPx(lane.tasks);
    y += HEAD_PX;
    const placed = lane.groups.map((group) => {
      const at = y - top;
      y += heightOf(group, row);
      return { group, at };
    });
    y += GAP_PX;
    return { lane, top, row, placed };
  });
  const height = y + AXIS_PX;
  const tasks = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <svg
      class="gantt-chart"
      width={scale.width}
      height={height}
      viewBox={`0 0 ${scale.width} ${height}`}
      role="img"
      aria-label={`${plural(tasks, 'task')} in ${plural(groups.length, 'group')} over ${formatDuration(scale.span)}. The table below has the figures.`}
    >
      <Bands run={run} scale={scale} height={y} now={now} />
      {ticks(scale.span, Math.max(2, scale.width / 90), timeSteps)
        .filter((at) => x(scale, at) < scale.width - TICK_PX)
        .map((at) => (
          <g key={at} class="tick">
            <line x1={x(scale, at)} x2={x(scale, at)} y1={0} y2={y} />
            <text x={x(scale, at) + 3} y={height - 6}>
              {formatDuration(at)}
            </text>
          </g>
        ))}
      {lanes.map(({ lane, top, row, placed }) => (
        <g key={lane.phase} transform={`translate(0 ${top})`}>
          <text class="lane" x={4} y={12}>
            {[`${lane.phase} · ${formatCount(lane.tasks)}`, ...lane.groups.flatMap(mostOf)].join(' · ')}
          </text>
          {placed.map(({ group, at }) => (
            <g key={keyOf(group)} transform={`translate(0 ${at})`}>
              {group.tasks && (
                <Bars
                  group={group}
                  tasks={group.tasks}
                  scale={scale}
                  offset={offset}
                  row={row}
                  workers={timeline.workers}
                />
              )}
              {group.slots && <Areas group={group} slots={group.slots} scale={scale} offset={offset} />}
            </g>
          ))}
        </g>
      ))}
    </svg>
  );
}

/** Of a group that is drawn as areas: how high they are. */
function mostOf({ slots }: Group): string[] {
  if (!slots) return [];
  const most = (of: readonly number[]) => formatCount(Math.ceil(Math.max(...of)));
  return [`up to ${most(slots.working)} at work, ${most(slots.waiting)} waiting`];
}

/** The phases of the run behind the bars. */
function Bands({ run, scale, height, now }: { run: RunView; scale: Scale; height: number; now: number }) {
  return (
    <g class="bands">
      {phaseSpans(run, now).map(({ phase, at, ms }, i) => (
        <rect
          key={i}
          class={`band ${i % 2 === 1 ? 'odd' : ''} ${phase === 'wait' ? 'wait' : ''}`}
          x={x(scale, Date.parse(at) - scale.from)}
          y={0}
          width={x(scale, ms)}
          height={height}
        >
          <title>{`${phase}: ${formatDuration(ms)}`}</title>
        </rect>
      ))}
    </g>
  );
}

interface BarsProps {
  group: Group;
  tasks: Tasks;
  scale: Scale;
  /** Milliseconds from the chart's beginning to the timeline's. */
  offset: number;
  /** Pixels of a task's row. */
  row: number;
  workers: readonly string[];
}

function Bars({ group, tasks, scale, offset, row, workers }: BarsProps) {
  const bar = Math.max(2, row - (row > 4 ? 2 : 1));
  return (
    <g class={`bars p-${group.phase}`}>
      {tasks.number.map((number, i) => {
        const [queued, started, ended] = [tasks.queued[i]!, tasks.started[i]!, tasks.ended[i]!];
        const y = i * row;
        const begin = x(scale, started + offset);
        return (
          <g key={number}>
            <rect
              class="waited"
              x={x(scale, queued + offset)}
              y={y + bar / 2 - 1}
              width={Math.max(0, begin - x(scale, queued + offset))}
              height={2}
            />
            <rect class="worked" x={begin} y={y} width={Math.max(1, x(scale, ended + offset) - begin)} height={bar}>
              <title>{titleOf(group, tasks, i, workers)}</title>
            </rect>
            {row >= 12 && group.entity !== undefined && (
              <Name of={group.entity} from={begin} to={x(scale, ended + offset)} y={y + 9} width={scale.width} />
            )}
          </g>
        );
      })}
    </g>
  );
}

/** The entity's name beside its bar: behind it, or before it where the chart ends. */
function Name({ of, from, to, y, width }: { of: string; from: number; to: number; y: number; width: number }) {
  const name = of.length > 24 ? `${of.slice(0, 23)}…` : of;
  const fits = to + name.length * 6.5 + 8 < width;
  return (
    <text class="scale" x={fits ? to + 5 : from - 8} y={y} text-anchor={fits ? 'start' : 'end'}>
      {name}
    </text>
  );
}

function titleOf({ phase, entity }: Group, tasks: Tasks, i: number, workers: readonly string[]): string {
  const [queued, started, ended, rows] = [tasks.queued[i]!, tasks.started[i]!, tasks.ended[i]!, tasks.rows[i]!];
  return [
    `${phase}${entity === undefined ? '' : ` ${entity}`} ${tasks.number[i]}`,
    `waited ${formatDuration(started - queued)}, worked ${formatDuration(ended - started)}`,
    ...(rows > 0 ? [plural(rows, 'row')] : []),
    `on ${workers[tasks.worker[i]!] ?? '?'}`,
  ].join('\n');
}

function Areas({ group, slots, scale, offset }: { group: Group; slots: Slots; scale: Scale; offset: number }) {
  const both = slots.working.map((n, s) => n + slots.waiting[s]!);
  const most = Math.max(1, ...both);
  const most1 = Math.max(1, ...slots.working);
  // Those that wait may be a thousand times those that work: each has a scale of its own, and says its most.
  const half = AREA_PX / 2 - 2;
  const path = (values: readonly number[], top: number, base: number) => {
    const points = values.map((n, s) => {
      const [a, b] = [x(scale, s * slots.ms + offset), x(scale, (s + 1) * slots.ms + offset)];
      const at = base - (n / top) * half;
      return `L${a} ${at.toFixed(1)}L${b} ${at.toFixed(1)}`;
    });
    return `M${x(scale, offset)} ${base}${points.join('')}L${x(scale, slots.ms * values.length + offset)} ${base}Z`;
  };
  const waiting = Math.max(...slots.waiting);
  return (
    <g class={`areas p-${group.phase}`}>
      <path class="worked" d={path(slots.working, most1, half)} />
      <path class="waited" d={path(slots.waiting, Math.max(1, waiting, most - most1), AREA_PX - 2)} />
    </g>
  );
}

function Totals({ timeline }: { timeline: TimelineView }) {
  const [open, setOpen] = useState<string>();
  const columns: Column<Group>[] = [
    {
      head: 'Phase',
      class: 'line',
      cell: ({ phase, entity }) => (
        <>
          <span class={`swatch p-${phase}`} aria-hidden="true" />
          {phase} {entity !== undefined && <Text of={entity} />}
        </>
      ),
    },
    { head: 'Tasks', numeric: true, cell: ({ count }) => formatCount(count) },
    { head: 'Rows', numeric: true, cell: ({ rowsDone }) => (rowsDone > 0 ? formatCount(rowsDone) : '') },
    { head: 'From', numeric: true, cell: ({ first }) => formatDuration(first) },
    { head: 'To', numeric: true, cell: ({ last }) => formatDuration(last) },
    { head: 'Waited, each', numeric: true, cell: ({ waitedMs, count }) => formatDuration(waitedMs / count) },
    { head: 'Worked, each', numeric: true, cell: ({ workedMs, count }) => formatDuration(workedMs / count) },
    {
      head: 'Slowest',
      class: 'line',
      cell: ({ slowest }) =>
        slowest
          .slice(0, 3)
          .map(({ number, ms }) => `${number}: ${formatDuration(ms)}`)
          .join(' · '),
    },
    {
      head: 'Each task',
      cell: (group) =>
        group.tasks &&
        group.count > 1 && (
          <button
            type="button"
            class="quiet"
            aria-expanded={open === keyOf(group)}
            onClick={() => setOpen(open === keyOf(group) ? undefined : keyOf(group))}
          >
            {open === keyOf(group) ? 'Hide' : 'Show'}
          </button>
        ),
    },
  ];
  const shown = timeline.groups.find((group) => keyOf(group) === open);
  return (
    <>
      <Table caption="Tasks by phase" columns={columns} rows={timeline.groups} keyOf={keyOf} />
      {shown?.tasks && <EachTask group={shown} tasks={shown.tasks} workers={timeline.workers} />}
    </>
  );
}

const keyOf = ({ phase, entity }: Group) => `${phase} ${entity ?? ''}`;

function EachTask({ group, tasks, workers }: { group: Group; tasks: Tasks; workers: readonly string[] }) {
  const columns: Column<number>[] = [
    { head: 'Number', numeric: true, cell: (i) => tasks.number[i] },
    { head: 'Queued', numeric: true, cell: (i) => formatDuration(tasks.queued[i]) },
    { head: 'Waited', numeric: true, cell: (i) => formatDuration(tasks.started[i]! - tasks.queued[i]!) },
    { head: 'Worked', numeric: true, cell: (i) => formatDuration(tasks.ended[i]! - tasks.started[i]!) },
    { head: 'Rows', numeric: true, cell: (i) => (tasks.rows[i]! > 0 ? formatCount(tasks.rows[i]) : '') },
    { head: 'Worker', cell: (i) => <Text of={workers[tasks.worker[i]!] ?? '?'} mono /> },
  ];
  return (
    <Table caption={`Tasks of ${keyOf(group)}`} columns={columns} rows={[...tasks.number.keys()]} keyOf={(i) => i} />
  );
}
