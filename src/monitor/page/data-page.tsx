/**
 * The first rows of a file: one that a run has published or read, or the rows that it refused. The address names the run
 * and the file by its place in the run's manifest.
 */
import { formatBytes, formatCount, plural } from './format.ts';
import { Cells } from './parts/cells.tsx';
import { Answer, Facts, Link, Page, Text } from './parts/ui.tsx';
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
  const file = usePoll<FileRows>(path, () => true);
  const within = (
    <>
      <a href={href(['runs'])}>Runs</a>
      <Link to={['runs', runId]} of={runId} mono />
    </>
  );
  return (
    <Page class="data-page" within={within} title={<Text of={title} />}>
      <Answer of={file}>
        {({ container, blob, bytes, columns, rows, rowsTotal }) => (
          <>
            <Facts
              class="wide"
              of={[
                ['File', <Text key="f" of={`${container}/${blob}`} mono />],
                ['Rows', formatCount(rowsTotal)],
                ['Size', formatBytes(bytes)],
              ]}
            />
            <p class="note">
              {rows.length < rowsTotal
                ? `The first ${plural(rows.length, 'row')} of ${formatCount(rowsTotal)}.`
                : `All ${plural(rows.length, 'row')}.`}
            </p>
            <Cells label={`Rows of ${title}`} columns={columns} rows={rows} />
          </>
        )}
      </Answer>
    </Page>
  );
}
