/**
 * The text of a pipeline's module, made from the profile of a file: a typed contract, and a rows entity that takes every
 * column. `ordinal new pipeline` writes it. What only a person can decide is left as comments: keys, and checks that further
 * files might not pass.
 */
import { typeText } from '../../src/parquet/type-text.ts';
import type { ColumnProfile, FileProfile } from './profile.ts';

/** Where a module gets the words of a pipeline from: the package, or in its own repository the sources. */
export interface Imports {
  from: string;
}

const literal = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
const member = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name));
const thousands = (count: number) => count.toLocaleString('en-US');

/** A name as a column of an ID may have it. */
const idOf = (name: string) =>
  `${name
    .replaceAll('-', '_')
    .replace(/ies$/, 'y')
    .replace(/([^s])s$/, '$1')}_id`;

/** The name of the rows' own ID: one that no column has. */
function ownId(name: string, columns: readonly ColumnProfile[]): string {
  const taken = new Set(columns.map((column) => column.name));
  let id = idOf(name);
  while (taken.has(id)) id = `own_${id}`;
  return id;
}

/** How few values make a list worth showing. */
const listMax = 8;

/** The zod schema of a column. */
function schemaOf(column: ColumnProfile): string {
  const { type, nulls, min, max, shortest } = column;
  const { annotation, physical } = type;
  const nonNegative = min !== undefined && min >= 0 ? '.nonnegative()' : '';
  const end = nulls > 0 ? '.nullable()' : '';
  switch (annotation?.kind) {
    case 'string':
    case 'enum':
    case 'json':
      return `z.string()${shortest > 0 && column.distinct > 0 ? '.min(1)' : ''}${end}`;
    case 'uuid':
      return `z.string()${end}`;
    case 'date':
    case 'timestamp':
      return `z.date()${end}`;
    case 'decimal':
    case 'float16':
      return `z.number()${end}`;
    default:
  }
  switch (physical) {
    case 'BOOLEAN':
      return `z.boolean()${end}`;
    case 'INT32':
      return `z.int()${nonNegative}${end}`;
    case 'INT64': {
      const isSafe = [min, max].every((bound) => bound === undefined || Number.isSafeInteger(Number(bound)));
      return isSafe ? `z.int()${nonNegative}${end}` : `z.bigint()${end}`;
    }
    case 'INT96':
      return `z.date()${end}`;
    case 'FLOAT':
    case 'DOUBLE':
      return `z.number()${nonNegative}${end}`;
    default:
      return `z.instanceof(Uint8Array)${end}`;
  }
}

/** What a reader of the contract wants to know of a column, beside its schema. */
function notesOf(column: ColumnProfile, rows: number): string {
  const { type, optional, nulls, distinct, samples, shortest, longest } = column;
  const notes = [typeText(type)];
  if (nulls > 0) notes.push(`${thousands(nulls)} nulls`);
  else if (optional) notes.push('no null here; .nullable() lets nulls pass');
  const isText = typeof samples[0] === 'string';
  if (isText && distinct > 1 && distinct <= listMax && distinct * 4 <= rows && longest <= 20) {
    notes.push(`z.enum([${samples.map((one) => literal(String(one))).join(', ')}])?`);
  } else {
    notes.push(`${thousands(distinct)} distinct`);
    if (isText && distinct > 1 && shortest === longest)
      notes.push(`all of ${longest} characters: .length(${longest})?`);
  }
  return notes.join('; ');
}

/** How much a column looks like a key: by its name, and then texts before numbers, which may be measures. */
function keyLikeness({ name, samples }: ColumnProfile): number {
  const isNamedSo = /(^|[_ ])(id|no|nr|code|key|email|sku|uuid)$|(Id|No|Code|Key)$/i.test(name);
  return (isNamedSo ? 2 : 0) + (typeof samples[0] === 'string' ? 1 : 0);
}

/** Columns that could be a natural key: unique here, or repeated as a key is. Bytes, fractions and flags are none. */
export function keyCandidates({ rows, columns }: FileProfile): { unique: ColumnProfile[]; repeated: ColumnProfile[] } {
  const able = columns.filter(({ type, nulls, samples }) => {
    const isFraction = type.physical === 'FLOAT' || type.physical === 'DOUBLE' || type.annotation?.kind === 'decimal';
    const isTime =
      type.physical === 'INT96' || type.annotation?.kind === 'timestamp' || type.annotation?.kind === 'date';
    return nulls === 0 && !isFraction && !isTime && type.physical !== 'BOOLEAN' && !(samples[0] instanceof Uint8Array);
  });
  const unique = able.filter(({ distinct }) => rows > 0 && distinct === rows);
  const repeated = able.filter(({ distinct }) => distinct > 1 && distinct * 2 <= rows);
  return { unique, repeated: repeated.toSorted((a, b) => keyLikeness(b) - keyLikeness(a) || b.distinct - a.distinct) };
}

function keyComment(profile: FileProfile, name: string): string[] {
  const { rows } = profile;
  const { unique, repeated } = keyCandidates(profile);
  const lines = [`Key candidates, by distinct values in ${thousands(rows)} rows:`];
  for (const one of unique) lines.push(`- ${one.name}: unique here`);
  for (const one of repeated.slice(0, listMax)) {
    lines.push(`- ${one.name}: ${thousands(one.distinct)} distinct, ${(rows / one.distinct).toFixed(1)} rows each`);
  }
  if (unique.length === 0 && repeated.length === 0)
    return [`No column looks like a key by itself in ${thousands(rows)} rows.`];
  const [best] = repeated;
  if (best !== undefined) {
    const entity = member(`${best.name.replace(/_?(id|no|code|key)$/i, '') || best.name}s`);
    const key = member(best.name);
    lines.push(
      'A keyed entity has one row for each key, ever, and rows refer to it. For one:',
      `  ${entity}: { kind: 'keyed', id: id(${literal(`${idOf(entity)}`)}), key: { ${key}: ${literal(best.name)} } },`,
      `and in ${name}: ${member(idOf(entity))}: ref(${literal(entity)}, { ${key}: ${literal(best.name)} }),`,
    );
  }
  return lines;
}

/**
 * The module.
 * @param name of the pipeline; a folder of that name in the container `landing` is its source
 * @param file name of the profiled file, for a comment
 */
export function pipelineText(name: string, file: string, profile: FileProfile, { from }: Imports): string {
  const { rows, rowsOfFile, columns, nested } = profile;
  const entity = member(name);
  const part =
    rows < rowsOfFile ? `the first ${thousands(rows)} of ${thousands(rowsOfFile)} rows` : `${thousands(rows)} rows`;
  return [
    '/**',
    ` * ${name}: made from ${part} of ${file.replaceAll('*/', '')}.`,
    ' * Read the contract: what it refuses fails a run. Then say what each row gives.',
    ' */',
    `import { pipeline } from ${literal(from)};`,
    "import { z } from 'zod';",
    '',
    'export default pipeline({',
    `  name: ${literal(name)},`,
    `  source: { container: 'landing', prefix: ${literal(`${name}/`)} },`,
    '  row: z.object({',
    ...columns.flatMap((column) => [
      `    // ${notesOf(column, rows)}`,
      `    ${member(column.name)}: ${schemaOf(column)},`,
    ]),
    ...nested.map((one) => `    // ${one} is nested: it is not read.`),
    '  }),',
    ...keyComment(profile, name).map((line) => `  // ${line}`),
    '  entities: ({ id }) => ({',
    `    ${entity}: {`,
    "      kind: 'rows',",
    `      id: id(${literal(ownId(name, columns))}),`,
    '      columns: {',
    ...columns.map((column) => `        ${member(column.name)}: ${literal(column.name)},`),
    '      },',
    '    },',
    '  }),',
    '});',
    '',
  ].join('\n');
}

/** Words that a pipeline may be named, and a variable may not. */
const reserved = new Set(
  'break case catch class const continue default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield await pipelines'.split(
    ' ',
  ),
);

/**
 * The app's list of pipelines with one more.
 * @param text of `pipelines/index.ts`
 * @returns the new text; undefined when the list is not found, and a person has to add it
 */
export function withPipeline(text: string, name: string): string | undefined {
  const camel = name.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/[-_]/g, '');
  const variable = reserved.has(camel) ? `${camel}Pipeline` : camel;
  const list = /(pipelines = (?:registerPipelines\()?\[)([^\]]*)\]/.exec(text);
  if (list === null) return undefined;
  if (text.includes(`'./${name}.ts'`)) return text;
  const imports = [...text.matchAll(/^import .*$/gm)].at(-1);
  const line = `import ${variable} from './${name}.ts';`;
  const at = imports === undefined ? 0 : imports.index + imports[0].length;
  const before = list[2]!.trim().replace(/,$/, '');
  const listed = text.replace(list[0], `${list[1]}${before === '' ? '' : `${before}, `}${variable}]`);
  return `${listed.slice(0, at)}${at === 0 ? '' : '\n'}${line}${at === 0 ? '\n' : ''}${listed.slice(at)}`;
}
