/**
 * The text of a pipeline's module, made from the profile of a file: a typed contract, and a rows entity that takes every
 * column. `ordinal new pipeline` writes it. What only a person can decide is left as comments: keys, and checks that further
 * files might not pass.
 */
import { typeText } from '../../src/parquet/type-text.ts';
import { plain } from '../terminal/text.ts';
import type { ColumnProfile, FileProfile } from './profile.ts';

/** Where a module gets the words of a pipeline from: the package, or in its own repository the sources. */
export interface Imports {
  from: string;
}

/** Names and values of a file are not ours: none may end the text or the comment that it stands in. */
const literal = (text: string) => `'${plain(text.replaceAll('\\', '\\\\').replaceAll("'", "\\'"))}'`;
const member = (name: string) =>
  name === '__proto__' ? "['__proto__']" : /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
const thousands = (count: number) => count.toLocaleString('en-US');

/** A name as a column of an ID may have it. */
const idOf = (name: string) =>
  `${name
    .replaceAll('-', '_')
    .replace(/ies$/, 'y')
    .replace(/([^s])s$/, '$1')}_id`;

/** The name of the rows' own ID: one that no column has. Readers take names that differ in case only for one. */
function ownId(name: string, columns: readonly ColumnProfile[]): string {
  const taken = new Set(outputNames(columns).map((column) => column.toLowerCase()));
  let id = idOf(name);
  while (taken.has(id.toLowerCase())) id = `own_${id}`;
  return id;
}

/** By column, the name that it gets in the output: another one where an earlier column has it in another case. */
function outputNames(columns: readonly ColumnProfile[]): string[] {
  const taken = new Set<string>();
  return columns.map(({ name, path }) => {
    const flat = path?.map((element) => element.name).join('_') ?? name;
    let free = flat;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${flat}_${n}`;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** How few values make a list worth showing. */
const listMax = 8;

/** The zod schema of a column. */
function schemaOf(column: ColumnProfile): string {
  const { type, path, nulls, finite, min, max, shortest } = column;
  const { annotation, physical } = type;
  const nonNegative = min !== undefined && min >= 0 ? '.nonnegative()' : '';
  // z.number() takes neither NaN nor infinities.
  const number = finite ? `z.number()${nonNegative}` : "z.custom<number>((value) => typeof value === 'number')";
  // Nulls of a leaf that cannot be null itself are those of its groups.
  const end = nulls > 0 && path?.at(-1)?.optional !== false ? '.nullable()' : '';
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
      return `z.number()${end}`;
    case 'float16':
      return `${number}${end}`;
    case 'time':
      return `z.bigint()${end}`;
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
      return `${number}${end}`;
    default:
      return `z.instanceof(Uint8Array)${end}`;
  }
}

/** The contract's members: a line of notes and a schema for each column, and an object for each group of columns. */
function contractLines(columns: readonly ColumnProfile[], rows: number, depth = 0): string[] {
  const indent = ' '.repeat(4 + 2 * depth);
  const lines: string[] = [];
  for (let i = 0; i < columns.length; ) {
    const column = columns[i]!;
    const group = column.path && depth < column.path.length - 1 ? column.path[depth]! : undefined;
    if (group === undefined) {
      const name = column.path?.at(-1)?.name ?? column.name;
      lines.push(`${indent}// ${plain(notesOf(column, rows))}`, `${indent}${member(name)}: ${schemaOf(column)},`);
      i++;
      continue;
    }
    // Leaves of one group follow each other in a file.
    const end = columns.findIndex(({ path }, at) => at > i && path?.[depth] !== group);
    const inner = columns.slice(i, end < 0 ? columns.length : end);
    const nulls = group.optional && inner.some((one) => one.nulls > 0) ? '.nullable()' : '';
    lines.push(`${indent}${member(group.name)}: z.object({`, ...contractLines(inner, rows, depth + 1));
    lines.push(`${indent}})${nulls},`);
    i += inner.length;
  }
  return lines;
}

/** What a reader of the contract wants to know of a column, beside its schema. */
function notesOf(column: ColumnProfile, rows: number): string {
  const { type, optional, nulls, finite, distinct, samples, shortest, longest } = column;
  const notes = [typeText(type)];
  if (nulls > 0) notes.push(`${thousands(nulls)} nulls`);
  else if (optional) notes.push('no null here; .nullable() lets nulls pass');
  if (!finite) notes.push('NaN or infinities: z.number() refuses them');
  const isText = typeof samples[0] === 'string' && type.annotation?.kind !== 'decimal';
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
    // The name of an entity is stricter than that of a column.
    const stem = best.name.toLowerCase().replace(/[^a-z0-9]+/g, '_');
    const bare = (stem.replace(/_?(id|no|code|key)$/, '') || stem).replace(/^[^a-z]+|_+$/g, '') || 'key';
    const entity = `${bare.slice(0, 60)}s`;
    const key = member(best.path?.map(({ name: part }) => part).join('_') ?? best.name);
    lines.push(
      'A keyed entity has one row for each key, ever, and rows refer to it. For one:',
      `  ${entity}: { kind: 'keyed', id: id(${literal(idOf(entity))}), key: { ${key}: ${literal(best.name)} } },`,
      `and in ${name}: ${idOf(entity)}: ref(${literal(entity)}, { ${key}: ${literal(best.name)} }),`,
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
  const outputs = outputNames(columns);
  const part =
    rows < rowsOfFile ? `the first ${thousands(rows)} of ${thousands(rowsOfFile)} rows` : `${thousands(rows)} rows`;
  return [
    '/**',
    ` * ${name}: made from ${part} of ${plain(file).replaceAll('*/', '* /')}.`,
    ' * Read the contract: what it refuses fails a run. Then say what each row gives.',
    ' */',
    `import { pipeline } from ${literal(from)};`,
    "import { z } from 'zod';",
    '',
    'export default pipeline({',
    `  name: ${literal(name)},`,
    `  source: { container: 'landing', prefix: ${literal(`${name}/`)} },`,
    '  row: z.object({',
    ...contractLines(columns, rows),
    ...nested.map((one) => `    // ${plain(one)} is nested: it is not read.`),
    '  }),',
    ...keyComment(profile, name).map((line) => `  // ${plain(line)}`),
    '  entities: ({ id }) => ({',
    `    ${entity}: {`,
    "      kind: 'rows',",
    `      id: id(${literal(ownId(name, columns))}),`,
    '      columns: {',
    ...columns.map((column, c) => `        ${member(outputs[c]!)}: ${literal(column.name)},`),
    '      },',
    '    },',
    '  }),',
    '});',
    '',
  ].join('\n');
}

/** Words that a pipeline may be named, and a variable may not. */
const reserved = new Set(
  'break case catch class const continue default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield await eval arguments undefined pipelines'.split(
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
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const taken = (variable: string) =>
    reserved.has(variable) || new RegExp(`(^|[^\\w$.'"/-])${variable}(?![\\w$'"/.-])`, 'm').test(code);
  let variable = reserved.has(camel) ? `${camel}Pipeline` : camel;
  for (let n = 2; taken(variable); n++) variable = `${camel}${n}`;
  const list = /(pipelines = (?:registerPipelines\()?\[)([^\]]*)\]/.exec(text);
  if (list === null) return undefined;
  if (text.includes(`'./${name}.ts'`)) return text;
  // Behind the last import, which may have several lines.
  const imports = [...text.matchAll(/^import\b[^;'"]*['"][^'"]*['"].*$/gm)].at(-1);
  const line = `import ${variable} from './${name}.ts';`;
  const at = imports === undefined ? 0 : imports.index + imports[0].length;
  const before = list[2]!.trim().replace(/,$/, '');
  const listed = text.replace(list[0], () => `${list[1]}${before === '' ? '' : `${before}, `}${variable}]`);
  return `${listed.slice(0, at)}${at === 0 ? '' : '\n'}${line}${at === 0 ? '\n' : ''}${listed.slice(at)}`;
}
