/**
 * The command `try`: runs a pipeline in memory over local Parquet files and shows what each entity gets. It reaches no
 * storage, reserves no ID and writes nothing.
 */

import { pipelineOf } from '../../src/environment/environment.ts';
import type { Row, Tried } from '../../src/testing/index.ts';
import { defineCommand, UsageError } from '../command.ts';
import { jsonValue } from '../parquet-rows.ts';
import type { ShownPart } from '../terminal/show.ts';
import { cell, count } from '../terminal/text.ts';

const rowsShown = 10;

/** The rows that were read back, of so many. */
function table(rows: readonly Row[], all: number): ShownPart[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first);
  const isNumber = (name: string) => ['number', 'bigint'].includes(typeof first[name]);
  return [
    {
      columns: names.map((name, at) => ({ title: name, right: isNumber(name), ...(at > 1 && { drop: at }) })),
      rows: rows.map((row) => names.map((name) => cell(row[name]))),
      none: '',
    },
    ...(all > rows.length ? [`… ${count(all - rows.length)} more`] : []),
  ];
}

/** What a run in memory gave, entity by entity. */
export function triedParts(tried: Tried, ms: number): ShownPart[] {
  const { source } = tried.manifest;
  const parts: ShownPart[] = [`${count(source.rows)} source rows, in ${Math.round(ms)} ms`];
  for (const { entity, rows, firstId, lastId } of tried.manifest.entities) {
    const ids = firstId === null ? '' : `, IDs ${firstId} to ${lastId}`;
    parts.push('', { line: `${entity}: ${count(rows)} rows${ids}`, tone: 'good' });
    parts.push(...table(tried.entities[entity] ?? [], rows));
  }
  const { rejected } = tried.manifest;
  if (rejected !== undefined) {
    const line = `rejected: ${count(rejected.rows)} source rows`;
    parts.push('', { line, tone: 'bad' }, ...table(tried.rejected, rejected.lines));
  }
  const { setAside = [] } = tried.manifest;
  if (setAside.length > 0) {
    parts.push(
      '',
      { line: `set aside: ${count(setAside.length)} files`, tone: 'bad' },
      {
        columns: [{ title: 'file', whole: true }, { title: 'reason' }],
        rows: setAside.map(({ blob, code, reason }) => [blob, `${code}: ${reason}`]),
        none: '',
      },
    );
  }
  return parts;
}

/** IDs are decimal texts, however small, and bytes are hexadecimal. */
const asJson = (one: unknown) => (typeof one === 'bigint' ? String(one) : jsonValue(one));

export const tryCommand = defineCommand({
  name: 'try',
  summary: 'Run a pipeline in memory over local Parquet files, and show what each entity gets',
  needs: [],
  details: 'Phases, checks and errors are those of a run. No storage is used, no ID is reserved, nothing is written.',
  examples: [
    ['try sales ./samples', 'all Parquet files of a folder'],
    ['try sales day1.parquet --rows 3', 'the first three rows of each entity'],
  ],
  configure: (command) =>
    command
      .argument('<pipeline>', 'its name')
      .argument('<path>', 'a Parquet file, or a folder of some')
      .option('--rows <n>', 'rows to show of each entity', String(rowsShown)),
  work: async (given, { rows }, name, source) => {
    const limit = Number(rows);
    if (!Number.isInteger(limit) || limit < 0) throw new UsageError(`--rows ${rows} is not a whole number`);
    const pipelines = await given.pipelines();
    const { tryCompiled } = await import('../../src/testing/try-pipeline.ts');
    const started = performance.now();
    const tried = await tryCompiled(pipelineOf({ pipelines }, name), source, { rowsMax: limit });
    const value = { entities: tried.entities, rejected: tried.rejected, manifest: tried.manifest };
    return {
      show: triedParts(tried, performance.now() - started),
      value: JSON.parse(JSON.stringify(value, (_key, one) => asJson(one))),
    };
  },
});
