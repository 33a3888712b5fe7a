/** Blobs that have arrived and wait for the end of a burst, and blobs that were refused. The page of a pipeline shows them. */
import { formatBytes, plural } from '../format.ts';
import { usePoll } from '../poll.ts';
import type { Arrivals } from '../types.ts';
import { type Column, Table } from './table.tsx';
import { Refusal, Section, Text, Time } from './ui.tsx';

type Refused = Arrivals['refusals'][number];

const columns: Column<Refused>[] = [
  { head: 'Blob', class: 'c-file', cell: ({ blob }) => <Text of={blob} mono /> },
  { head: 'Why', cell: ({ message }) => <Text of={message} /> },
  { head: 'Size', numeric: true, cell: ({ size }) => formatBytes(size) },
  { head: 'When', cell: ({ at }) => <Time of={at} /> },
];

export function ArrivalsOf({ pipeline }: { pipeline: string }) {
  const { value, error } = usePoll<Arrivals>(`pipelines/${encodeURIComponent(pipeline)}/arrivals`);
  if (error) return <Refusal of={error} />;
  if (!value || (value.mode === undefined && value.refused === 0)) return null;
  const { mode, waiting, oldest, blobs, refused, refusals } = value;
  return (
    <Section title="Arrivals">
      {mode === 'quiet' && (
        <p>
          {waiting === 0
            ? 'No blob waits for the end of a burst.'
            : `${plural(waiting, 'blob')} of a burst that has not ended`}
          {oldest !== undefined && (
            <>
              , the first since <Time of={oldest} />
            </>
          )}
          {blobs.length > 0 && (
            <>
              : <Text of={blobs.join(', ')} mono />
              {waiting > blobs.length && ', …'}
            </>
          )}
        </p>
      )}
      <p>
        {refused === 0
          ? 'No arrived blob was refused.'
          : `${plural(refused, 'blob')} arrived and ${refused === 1 ? 'was' : 'were'} refused:`}
      </p>
      <Table caption="Refused blobs" columns={columns} rows={refusals} keyOf={({ blob, at }) => `${blob} ${at}`} />
    </Section>
  );
}
