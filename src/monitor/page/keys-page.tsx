/** Key indexes: how many keys each has, in which partitions and segments, and how large they are. */
import { formatBytes, formatCount, plural } from './format.ts';
import { type Column, Table } from './parts/table.tsx';
import { Answer, Empty, Facts, Link, Page, Section, Text } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import type { KeyIndex, KeyIndexDetail, Segment } from './types.ts';

const columns: Column<KeyIndex>[] = [
  {
    head: 'Key index',
    cell: ({ index, used }) => (
      <>
        <Link to={['keys', index]} of={index} mono /> {!used && <span class="tag">not used yet</span>}
      </>
    ),
  },
  { head: 'Entities', cell: ({ entities }) => <Text of={entities.join(', ')} /> },
  { head: 'Key', cell: ({ keyTypes }) => <Text of={keyTypes.join(', ') || '–'} mono /> },
  { head: 'Keys', numeric: true, cell: ({ keys }) => formatCount(keys) },
  { head: 'Partitions', numeric: true, cell: ({ partitions }) => formatCount(partitions) },
  { head: 'Segments', numeric: true, cell: ({ segments }) => formatCount(segments) },
  { head: 'Size', numeric: true, cell: ({ bytes }) => formatBytes(bytes) },
  {
    head: 'Size of a key',
    numeric: true,
    cell: ({ bytes, keys }) => (keys > 0 ? `${(bytes / keys).toFixed(1)} B` : ''),
  },
];

export function KeysPage({ index }: { index?: string }) {
  if (index !== undefined) return <KeyIndexPage index={index} />;
  return <KeyList />;
}

function KeyList() {
  const keys = usePoll<{ indexes: KeyIndex[] }>('keys');
  return (
    <div class="page">
      <h1>Keys</h1>
      <Answer of={keys}>
        {({ indexes }) => (
          <Table
            caption="Key indexes"
            columns={columns}
            rows={indexes}
            keyOf={({ index }) => index}
            none="No pipeline has a keyed entity."
          />
        )}
      </Answer>
    </div>
  );
}

type Head = KeyIndexDetail['heads'][number];

const headColumns: Column<Head>[] = [
  { head: 'Partition', numeric: true, cell: ({ partition }) => partition },
  { head: 'Keys', numeric: true, cell: ({ keys }) => formatCount(keys) },
  { head: 'Size', numeric: true, cell: ({ bytes }) => formatBytes(bytes) },
  { head: 'Segments', numeric: true, cell: ({ segments }) => formatCount(segments.length) },
  { head: 'Version', numeric: true, cell: ({ version }) => formatCount(version) },
  {
    head: 'Pending',
    cell: ({ pending }) =>
      pending && (
        <>
          {plural(pending.keys, 'key')} of <Link to={['runs', pending.runId]} of={pending.runId} mono />
        </>
      ),
  },
];

interface Placed extends Segment {
  partition: number;
  of: string;
}

const segmentColumns: Column<Placed>[] = [
  { head: 'Partition', numeric: true, cell: ({ partition }) => partition },
  { head: 'Segment', class: 'c-file', cell: ({ blob }) => <Text of={blob} mono /> },
  { head: 'Holds', cell: ({ of }) => <Text of={of} /> },
  { head: 'Level', numeric: true, cell: ({ level }) => level },
  { head: 'Keys', numeric: true, cell: ({ keys }) => formatCount(keys) },
  { head: 'Size', numeric: true, cell: ({ bytes }) => formatBytes(bytes) },
];

function segmentsOf({ heads }: KeyIndexDetail): Placed[] {
  return heads.flatMap(({ partition, segments, attributes }) => [
    ...segments.map((segment) => ({ ...segment, partition, of: 'keys' })),
    ...Object.entries(attributes).flatMap(([owner, list]) =>
      list.map((segment) => ({ ...segment, partition, of: `attributes of ${owner}` })),
    ),
  ]);
}

function KeyIndexPage({ index }: { index: string }) {
  const detail = usePoll<KeyIndexDetail>(`keys/${encodeURIComponent(index)}`);
  return (
    <Page within={<a href={href(['keys'])}>Keys</a>} title={<Text of={index} mono />}>
      <Answer of={detail}>{(of) => <Details of={of} />}</Answer>
    </Page>
  );
}

function Details({ of }: { of: KeyIndexDetail }) {
  const { heads, keyTypes, used } = of;
  const most = Math.max(1, ...heads.map(({ keys }) => keys));
  const segments = segmentsOf(of);
  return (
    <>
      <Facts
        class="wide"
        of={[
          ['Keys', formatCount(of.keys)],
          ['Size', formatBytes(of.bytes)],
          ['Key', keyTypes.length > 0 && <Text key="t" of={keyTypes.join(', ')} mono />],
          ['Entities', <Text key="e" of={of.entities.join(', ')} />],
          ['Rebuilds', used ? formatCount(Math.max(0, of.epoch - 1)) : undefined],
        ]}
      />
      {!used && <Empty>No run has used this index yet.</Empty>}
      {heads.length > 1 && (
        <div class="bars-small" aria-hidden="true">
          {heads.map(({ partition, keys }) => (
            <span
              key={partition}
              style={{ height: `${Math.max(3, (keys / most) * 100)}%` }}
              title={`partition ${partition}: ${formatCount(keys)} keys`}
            />
          ))}
        </div>
      )}
      {heads.length > 0 && (
        <Section title="Partitions" note="Each has a contiguous range of hashes.">
          <Table caption="Partitions" columns={headColumns} rows={heads} keyOf={({ partition }) => partition} />
        </Section>
      )}
      {segments.length > 0 && (
        <Section title="Segments" note="Level 0 is what one run added; higher levels were merged.">
          <Table caption="Segments" columns={segmentColumns} rows={segments} keyOf={({ blob }) => blob} />
        </Section>
      )}
    </>
  );
}
