/** Key indexes: how many keys each has, in which partitions and segments, and how large they are. */
import { formatBytes, formatCount, plural } from './format.ts';
import { type Column, Table } from './parts/table.tsx';
import { Empty, Facts, Loading, Refusal, Scroll, Section, Text } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import type { KeyIndex, KeyIndexDetail, Segment } from './types.ts';

const columns: Column<KeyIndex>[] = [
  {
    head: 'Key index',
    cell: ({ index, used }) => (
      <>
        <a href={href(['keys', index])}>
          <Text of={index} mono />
        </a>{' '}
        {!used && <span class="tag">not used yet</span>}
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
  const { value, error } = usePoll<{ indexes: KeyIndex[] }>('keys');
  return (
    <div class="page">
      <h1>Keys</h1>
      {error && <Refusal of={error} />}
      {!value && !error && <Loading />}
      {value?.indexes.length === 0 && <Empty>No pipeline has a keyed entity.</Empty>}
      {value && value.indexes.length > 0 && (
        <Scroll label="Key indexes">
          <Table caption="Key indexes" columns={columns} rows={value.indexes} keyOf={({ index }) => index} />
        </Scroll>
      )}
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
          {plural(pending.keys, 'key')} of{' '}
          <a href={href(['runs', pending.runId])}>
            <Text of={pending.runId} mono />
          </a>
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
  const { value, error } = usePoll<KeyIndexDetail>(`keys/${encodeURIComponent(index)}`);
  const most = Math.max(1, ...(value?.heads.map(({ keys }) => keys) ?? []));
  return (
    <div class="page">
      <nav aria-label="Where this is" class="crumbs">
        <a href={href(['keys'])}>Keys</a>
      </nav>
      <h1>
        <Text of={index} mono />
      </h1>
      {error && <Refusal of={error} />}
      {!value && !error && <Loading />}
      {value && (
        <>
          <Facts
            class="wide"
            of={[
              ['Keys', formatCount(value.keys)],
              ['Size', formatBytes(value.bytes)],
              ['Key', value.keyTypes.length > 0 && <Text key="t" of={value.keyTypes.join(', ')} mono />],
              ['Entities', <Text key="e" of={value.entities.join(', ')} />],
              ['Rebuilds', value.used ? formatCount(Math.max(0, value.epoch - 1)) : undefined],
            ]}
          />
          {!value.used && <Empty>No run has used this index yet.</Empty>}
          {value.heads.length > 1 && (
            <div class="bars-small" aria-hidden="true">
              {value.heads.map(({ partition, keys }) => (
                <span
                  key={partition}
                  style={{ height: `${Math.max(3, (keys / most) * 100)}%` }}
                  title={`partition ${partition}: ${formatCount(keys)} keys`}
                />
              ))}
            </div>
          )}
          {value.heads.length > 0 && (
            <Section title="Partitions" note="Each has a contiguous range of hashes.">
              <Scroll label="Partitions">
                <Table
                  caption="Partitions"
                  columns={headColumns}
                  rows={value.heads}
                  keyOf={({ partition }) => partition}
                />
              </Scroll>
            </Section>
          )}
          {segmentsOf(value).length > 0 && (
            <Section title="Segments" note="Level 0 is what one run added; higher levels were merged.">
              <Scroll label="Segments">
                <Table
                  caption="Segments"
                  columns={segmentColumns}
                  rows={segmentsOf(value)}
                  keyOf={({ blob }) => blob}
                />
              </Scroll>
            </Section>
          )}
        </>
      )}
    </div>
  );
}
