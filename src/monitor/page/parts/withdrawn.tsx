/**
 * What a run that has ended left for nobody to read: one that was taken back, with who asked, why and which IDs are
 * retired; and one that found nothing to read. The run's page shows it first.
 */
import { formatCount, formatId, plural } from '../format.ts';
import { href } from '../route.ts';
import type { RunView } from '../types.ts';
import { type Column, Table } from './table.tsx';
import { Facts, Text, Time } from './ui.tsx';

type Retired = NonNullable<RunView['retired']>[number];

/** Ranges that are shown; the rest is counted. */
const RANGES = 4;

const columns: Column<Retired>[] = [
  { head: 'Sequence', cell: ({ sequence }) => <Text of={sequence} mono /> },
  { head: 'IDs', numeric: true, cell: ({ count }) => formatCount(count) },
  {
    head: 'First ID (count)',
    cell: ({ ranges }) => (
      <>
        {ranges
          .slice(0, RANGES)
          .map(({ first, count }) => `${formatId(first)} (${formatId(count)})`)
          .join(', ')}
        {ranges.length > RANGES && `, and ${plural(ranges.length - RANGES, 'range')} more`}
      </>
    ),
  },
];

export function Withdrawn({ run: { withdrawn, retired = [] } }: { run: RunView }) {
  if (!withdrawn) return null;
  const { at, by, reason, filesUntil } = withdrawn;
  const gone = filesUntil !== undefined && Date.parse(filesUntil) < Date.now();
  return (
    <section class="failure ended" aria-labelledby="withdrawn">
      <h2 id="withdrawn">Withdrawn</h2>
      <p>
        What this run had published was taken back. What it had read counts as unread again; its run ID and its IDs are
        given to nobody else.
      </p>
      <Facts
        class="wide"
        of={[
          ['When', <Time key="t" of={at} />],
          ['By', by !== undefined && <Text key="b" of={by} />],
          ['Why', reason !== undefined && <Text key="r" of={reason} />],
          [gone ? 'Its files went after' : 'Its files stay until', filesUntil && <Time key="f" of={filesUntil} />],
        ]}
      />
      <Table caption="Retired IDs" columns={columns} rows={retired} keyOf={({ sequence }) => sequence} />
    </section>
  );
}

export function NothingRead({ run }: { run: RunView }) {
  const { status, dryRun, manifest, rows, leftOut = { read: 0, pending: 0 }, pipeline } = run;
  if (status !== 'Completed' || dryRun || manifest !== undefined || rows.total > 0) return null;
  const { read, pending } = leftOut;
  return (
    <p class="waiting" role="status">
      {read + pending === 0 ? (
        <>
          There was nothing to read: the source of <a href={href(['pipelines', pipeline])}>the pipeline</a> has no blob
          that fits.
        </>
      ) : (
        <>
          There was nothing new: {plural(read, 'blob')} {read === 1 ? 'was' : 'were'} read before
          {pending > 0 && <>, and {formatCount(pending)} are being read by other runs</>}.
        </>
      )}
    </p>
  );
}
