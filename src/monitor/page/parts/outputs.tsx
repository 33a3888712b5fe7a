/** What a run has read and published: files with links to their first rows. Of many files the first are named. */
import { formatBytes, formatCount, formatId, plural } from '../format.ts';
import { href } from '../route.ts';
import type { RunView } from '../types.ts';
import { type Column, Table } from './table.tsx';
import { Copy, Link, Section, Text } from './ui.tsx';

const further = ['unknown', 'known', 'changes'] as const;
type Further = (typeof further)[number];

interface OutFile {
  entity: string;
  dataset: 'new' | Further;
  number: number;
  file: NonNullable<RunView['entities']>[number]['files'][number];
}

function filesOf({ entities = [] }: RunView): OutFile[] {
  return entities.flatMap(({ entity, files, ...of }) => {
    const those = (dataset: OutFile['dataset'], list: readonly OutFile['file'][]) =>
      list.map((file, number) => ({ entity, dataset, number, file }));
    return [...those('new', files), ...further.flatMap((dataset) => those(dataset, of[dataset]?.files ?? []))];
  });
}

export function Outputs({ run }: { run: RunView }) {
  const files = filesOf(run);
  if (!run.entities) return null;
  const all = run.entities.reduce(
    (sum, entity) =>
      further.reduce((files, dataset) => files + (entity[dataset]?.fileCount ?? 0), sum + entity.fileCount),
    0,
  );
  const container = run.outputContainer ?? '';
  const columns: Column<OutFile>[] = [
    {
      head: 'Entity',
      cell: ({ entity, dataset }) => (
        <>
          <Text of={entity} /> {dataset !== 'new' && <span class="tag">{dataset}</span>}
        </>
      ),
    },
    {
      head: 'File',
      class: 'c-file',
      cell: ({ entity, dataset, number, file }) => (
        <Link to={['data', run.runId, entity, dataset, number]} of={file.blob} mono />
      ),
    },
    { head: 'Rows', numeric: true, cell: ({ file }) => formatCount(file.rows) },
    { head: 'Size', numeric: true, cell: ({ file }) => formatBytes(file.bytes) },
    {
      head: 'IDs',
      numeric: true,
      cell: ({ file }) => (file.firstId === null ? '' : `${formatId(file.firstId)} – ${formatId(file.lastId)}`),
    },
    {
      head: 'Path',
      cell: ({ file }) => <Copy text={`${container}/${file.blob}`} label={`Copy the path of ${file.blob}`} />,
    },
  ];
  const { rejected } = run;
  return (
    <Section
      title="Outputs"
      class="outputs"
      note={`${plural(all, 'file')} in ${container}${all > files.length ? `; the first ${files.length} are here, and all are in the manifest` : ''}`}
    >
      <Table caption="Output files" columns={columns} rows={files} keyOf={({ file }) => file.blob} />
      {rejected && (
        <p>
          <a href={href(['data', run.runId, 'refused'])}>{plural(rejected.rows, 'refused row')}</a>, with the reasons,
          in <Text of={rejected.blob} mono />
        </p>
      )}
    </Section>
  );
}

interface Input {
  number: number;
  blob: string;
  size: number;
  rows: number;
}

export function Inputs({ run: { runId, source } }: { run: RunView }) {
  if (!source) return null;
  const columns: Column<Input>[] = [
    {
      head: 'Source blob',
      class: 'c-file',
      cell: ({ number, blob }) => <Link to={['data', runId, 'inputs', number]} of={blob} mono />,
    },
    { head: 'Rows', numeric: true, cell: ({ rows }) => formatCount(rows) },
    { head: 'Size', numeric: true, cell: ({ size }) => formatBytes(size) },
  ];
  const { files, blobs, skipped, container } = source;
  return (
    <Section
      title="Inputs"
      class="inputs"
      note={`${plural(files, 'blob')} of ${container}${files > blobs.length ? `; the first ${blobs.length} are here, and all are in the manifest` : ''}`}
    >
      <Table
        caption="Source blobs"
        columns={columns}
        rows={blobs.map((one, number) => ({ ...one, number }))}
        keyOf={({ blob }) => blob}
      />
      {skipped && (
        <p class="note">
          {plural(skipped.count, 'blob')} under the prefix {skipped.count === 1 ? 'was' : 'were'} skipped, because{' '}
          {skipped.count === 1 ? 'its name ends' : 'their names end'} otherwise:{' '}
          {skipped.blobs.map((blob, i) => (
            <span key={blob}>
              {i > 0 && ', '}
              <Text of={blob} mono />
            </span>
          ))}
          {skipped.count > skipped.blobs.length && ', …'}
        </p>
      )}
    </Section>
  );
}
