/**
 * The first rows of a file: one that a run has published or read, or the rows that it refused. The address names the run
 * and the file by its place in the run's manifest.
 */
import { formatBytes, formatCount, plural } from './format.ts';
import { Cells } from './parts/cells.tsx';
import { Facts, Loading, Refusal, Text } from './parts/ui.tsx';
import { usePoll } from './poll.ts';
import { href } from './route.ts';
import type { FileRows } from './types.ts';

interface Place {
  title: string;
  query: Record<string, string>;
}

function placeOf([first = '', second = '', third = '']: readonly string[]): Place {
  if (first === 'refused' && second === '') return { title: 'Refused rows', query: {} };
  if (first === 'inputs' && /^\d+$/.test(second) && third === '') return { title: 'Source', query: { input: second } };
  const dataset = second || 'new';
  const words = dataset === 'new' ? '' : `, ${dataset}`;
  return { title: `${first}${words}`, query: { entity: first, dataset, file: third || '0' } };
}

export function DataPage({ runId, place }: { runId: string; place: readonly string[] }) {
  const { title, query } = placeOf(place);
  const path = `runs/${encodeURIComponent(runId)}/rows?${new URLSearchParams(query)}`;
  const { value, error } = usePoll<FileRows>(path, () => true);
  return (
    <div class="page data-page">
      <nav aria-label="Where this is" class="crumbs">
        <a href={href(['runs'])}>Runs</a>
        <a href={href(['runs', runId])}>
          <Text of={runId} mono />
        </a>
      </nav>
      <h1>
        <Text of={title} />
      </h1>
      {error && <Refusal of={error} />}
      {!value && !error && <Loading />}
      {value && (
        <>
          <Facts
            class="wide"
            of={[
              ['File', <Text key="f" of={`${value.container}/${value.blob}`} mono />],
              ['Rows', formatCount(value.rowsTotal)],
              ['Size', formatBytes(value.bytes)],
            ]}
          />
          <p class="note">
            {value.rows.length < value.rowsTotal
              ? `The first ${plural(value.rows.length, 'row')} of ${formatCount(value.rowsTotal)}.`
              : `All ${plural(value.rows.length, 'row')}.`}
          </p>
          <Cells label={`Rows of ${title}`} columns={value.columns} rows={value.rows} />
        </>
      )}
    </div>
  );
}
