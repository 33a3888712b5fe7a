/** Sequences and leases: the next IDs, what is open and who holds it, holes, and who waits for whom. */
import { formatCount, formatId, plural } from './format.ts';
import { HolderList, HolderOf } from './parts/holder.tsx';
import { type Column, Table } from './parts/table.tsx';
import { Answer, Link, Section, Text } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import type { KeyIndex, Sequence } from './types.ts';

const sumOf = (ranges: readonly { count: string }[]) =>
  formatId(String(ranges.reduce((sum, { count }) => sum + BigInt(count), 0n)));

const columns: Column<Sequence>[] = [
  { head: 'Sequence', cell: ({ name }) => <Text of={name} mono /> },
  {
    head: 'Next ID',
    numeric: true,
    cell: ({ next, start }) => (
      <>
        {formatId(next)} {next === start && <span class="tag">not used yet</span>}
      </>
    ),
  },
  { head: 'Start', numeric: true, cell: ({ start }) => formatId(start) },
  { head: 'Step', numeric: true, cell: ({ step }) => formatId(step) },
  { head: 'Holes', cell: ({ free, step }) => <Holes free={free} step={step} /> },
  {
    head: 'Open reservations',
    cell: ({ open }) =>
      open.length === 0 ? (
        <span class="muted">none</span>
      ) : (
        <ul class="plain">
          {open.map((one) => (
            <li key={one.owner}>
              {plural(Number(one.count), 'ID')} by <HolderOf of={one} />
            </li>
          ))}
        </ul>
      ),
  },
  {
    head: 'Pipelines',
    cell: ({ pipelines }) =>
      pipelines.map((name, i) => (
        <span key={name}>
          {i > 0 && ', '}
          <Link to={['pipelines', name]} of={name} />
        </span>
      )),
  },
];

/** Ranges that are shown; the rest is counted. */
const RANGES = 4;

function Holes({ free, step }: { free: Sequence['free']; step: string }) {
  if (free.length === 0) return <span class="muted">none</span>;
  const last = (first: string, count: string) => String(BigInt(first) + (BigInt(count) - 1n) * BigInt(step));
  return (
    <>
      {sumOf(free)} IDs, given out first:{' '}
      {free.slice(0, RANGES).map(({ first, count }, i) => (
        <span key={first}>
          {i > 0 && ', '}
          {count === '1' ? formatId(first) : `${formatId(first)} – ${formatId(last(first, count))}`}
        </span>
      ))}
      {free.length > RANGES && `, and ${free.length - RANGES} ranges more`}
    </>
  );
}

const leaseColumns: Column<KeyIndex>[] = [
  { head: 'Lease of', cell: ({ index }) => <Link to={['keys', index]} of={index} mono /> },
  {
    head: 'Held by',
    cell: ({ lease }) => (lease.holder ? <HolderOf of={lease.holder} /> : <span class="muted">nobody</span>),
  },
  {
    head: 'Waiting',
    cell: ({ lease }) =>
      lease.waiting.length > 0 ? <HolderList of={lease.waiting} /> : <span class="muted">nobody</span>,
  },
  { head: 'Grants', numeric: true, cell: ({ lease }) => formatCount(lease.grants) },
];

export function SequencesPage() {
  const sequences = usePoll<{ sequences: Sequence[] }>('sequences');
  const keys = usePoll<{ indexes: KeyIndex[] }>('keys');
  return (
    <div class="page">
      <h1>Sequences and leases</h1>
      <Section
        title="Sequences"
        note="Where IDs come from. A hole is a range that a run gave back: it is given out before new IDs."
      >
        <Answer of={sequences}>
          {({ sequences: rows }) => (
            <Table
              caption="Sequences"
              columns={columns}
              rows={rows}
              keyOf={({ name }) => name}
              none="No pipeline draws on a sequence."
            />
          )}
        </Answer>
      </Section>
      <Section
        title="Leases"
        note="One run at a time resolves keys of an index and publishes them. The others wait in line."
      >
        <Answer of={keys}>
          {({ indexes }) => (
            <Table
              caption="Leases"
              columns={leaseColumns}
              rows={indexes}
              keyOf={({ index }) => index}
              none="No pipeline has a keyed entity, so nothing is leased."
            />
          )}
        </Answer>
      </Section>
    </div>
  );
}
