/** The commands, each a function of what it was given to lines for people and a value for programs. */
import type { Command } from './command.ts';
import { acceptPipeline, rebuildKeys } from './pipelines.ts';
import { cleanRun, listRuns, showRun } from './runs.ts';
import {
  exportSequence,
  importSequence,
  listSequences,
  raiseSequence,
  rebuildSequence,
  showSequence,
} from './sequences.ts';
import { verify } from './verify.ts';

export const commands: Command[] = [
  {
    words: ['verify'],
    operands: 'RUN | --all [--no-source]',
    does: 'read again what runs read and published, and check it',
    run: verify,
  },
  { words: ['runs', 'list'], operands: '', does: 'published and abandoned runs', run: listRuns },
  { words: ['runs', 'show'], operands: 'RUN', does: 'the manifest of a run', run: showRun },
  { words: ['runs', 'clean'], operands: 'RUN', does: "remove an ended run's work in progress", run: cleanRun },
  { words: ['sequences', 'list'], operands: '', does: 'all sequences', run: listSequences },
  { words: ['sequences', 'show'], operands: 'SEQUENCE', does: 'where a sequence is', run: showSequence },
  { words: ['sequences', 'export'], operands: 'SEQUENCE [--file F]', does: 'its whole state', run: exportSequence },
  {
    words: ['sequences', 'import'],
    operands: 'SEQUENCE --file F',
    does: 'put an exported state in place',
    run: importSequence,
  },
  {
    words: ['sequences', 'rebuild'],
    operands: 'SEQUENCE',
    does: 'its state from manifests, put in place',
    run: rebuildSequence,
  },
  {
    words: ['sequences', 'raise'],
    operands: 'SEQUENCE --to N',
    does: 'give no ID up to N any more: for IDs that exist already',
    run: raiseSequence,
  },
  { words: ['keys', 'rebuild'], operands: 'INDEX', does: 'a key index anew, from published files', run: rebuildKeys },
  {
    words: ['pipelines', 'accept'],
    operands: 'PIPELINE',
    does: 'accept a change that contradicts earlier runs',
    run: acceptPipeline,
  },
];

export function usage(): string {
  const names = commands.map(({ words, operands }) => `${words.join(' ')} ${operands}`.trim());
  const width = Math.max(...names.map((name) => name.length));
  return [
    'npm run ordinal -- COMMAND [--host URL] [--code KEY] [--json]',
    '',
    ...commands.map(({ does }, i) => `  ${names[i]!.padEnd(width)}  ${does}`),
  ].join('\n');
}
