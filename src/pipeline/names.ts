/**
 * Names and places: of pipelines, entities and sequences, and of containers and prefixes. All of `compile` calls it. It
 * must never change a name: what is not right is refused.
 */
import { didYouMean } from '../nearest.ts';
import { record, refuse, show } from './refuse.ts';

const safeName = /^[a-z][a-z0-9_-]{0,62}$/;
/** Two safe names and a dot: it becomes a durable entity's key and part of blob names. */
const sharedName = /^[a-z][a-z0-9_.-]{0,126}$/;
/** Naming and Referencing Containers, Blobs, and Metadata (Azure Storage). */
const containerName = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const prefixLengthMax = 500;

/**
 * Checks the name of a pipeline or an entity: part of URLs, blob names and durable instance IDs.
 * @param name what the declaration says
 * @param field path of the field in the declaration, for errors
 * @returns the name
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function checkName(name: unknown, field: string): string {
  if (typeof name === 'string' && safeName.test(name)) return name;
  return refuse(field, `${show(name)} is not a name`, 'Use a lower-case letter, then up to 62 of a-z 0-9 _ -.');
}

/**
 * Checks the name of a sequence or a key index, which several pipelines may share.
 * @param name what the declaration says
 * @param field path of the field in the declaration, for errors
 * @returns the name
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function checkSharedName(name: unknown, field: string): string {
  if (typeof name === 'string' && sharedName.test(name)) return name;
  return refuse(field, `${show(name)} is not a name`, 'Use a lower-case letter, then up to 126 of a-z 0-9 _ . -.');
}

/**
 * Checks the name of an output column.
 * @param name what the declaration says
 * @param field path of the field in the declaration, for errors
 * @returns the name
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function checkColumnName(name: unknown, field: string): string {
  if (typeof name === 'string' && name !== '') return name;
  return refuse(field, `${show(name)} is not a column name`, 'Give a text that is not empty.');
}

/**
 * Refuses names of output columns that differ in nothing but case: many readers take them for one.
 * @param names names of one entity's output columns
 * @param field path of the field in the declaration, for errors
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function checkDistinct(names: readonly string[], field: string): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      refuse(
        field,
        other === name ? `'${name}' is there twice` : `'${other}' and '${name}' differ in case only`,
        'Rename one.',
      );
    }
    seen.set(name.toLowerCase(), name);
  }
}

/**
 * Checks that a value is one of several texts.
 * @param value what the declaration says
 * @param options the texts
 * @param otherwise what holds when nothing was said
 * @param field path of the field in the declaration, for errors
 * @returns the text
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function oneOf<const T extends string>(value: unknown, options: readonly T[], otherwise: T, field: string): T {
  if (value === undefined) return otherwise;
  const found = options.find((option) => option === value);
  if (found !== undefined) return found;
  return refuse(
    field,
    `${show(value)} is not an option`,
    typeof value === 'string' ? didYouMean(value, options) : `Use '${options.join("' or '")}'.`,
  );
}

function checkContainer(value: unknown, field: string): string {
  if (typeof value === 'string' && containerName.test(value)) return value;
  return refuse(
    field,
    `${show(value)} is not a container`,
    'Use 3 to 63 of a-z 0-9 and single hyphens, none at the ends.',
  );
}

function checkPrefix(value: unknown, field: string): string {
  if (typeof value !== 'string')
    return refuse(field, `${show(value)} is not a prefix`, "Give a text, as in 'flights/'.");
  if (value.length > prefixLengthMax)
    refuse(field, `has ${value.length} characters`, `Use at most ${prefixLengthMax} characters.`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here.
  if (/^\/|\/\/|\\|[\u0000-\u001f\u007f]|(^|\/)\.{1,2}(\/|$)/.test(value)) {
    refuse(
      field,
      `${show(value)} is not a prefix`,
      "Leave out leading and double '/', '\\', folders named '.' or '..', and control characters.",
    );
  }
  return value;
}

interface Places {
  source: { container: string; prefix: string; suffix: string };
  output: { container: string; prefix: string; table?: 'delta' };
}

/**
 * Checks where a pipeline reads and writes. An output must not lie where the source is looked for, nor the source among
 * the outputs: what a run publishes would start the next run.
 * @param pipeline name of the pipeline
 * @param sourceGiven the definition's `source`
 * @param outputGiven the definition's `output`
 * @returns both, with their defaults
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function checkPlaces(pipeline: string, sourceGiven: unknown, outputGiven: unknown): Places {
  const source = record(sourceGiven, 'source', ['container', 'prefix', 'suffix', 'partitions']);
  const output = record(outputGiven ?? {}, 'output', ['container', 'prefix', 'table']);
  const suffix = source.suffix ?? '.parquet';
  if (typeof suffix !== 'string')
    refuse('source.suffix', `${show(suffix)} is not a suffix`, "Give a text, as in '.parquet'.");
  const places: Places = {
    source: {
      container: checkContainer(source.container, 'source.container'),
      prefix: checkPrefix(source.prefix, 'source.prefix'),
      suffix,
    },
    output: {
      container: checkContainer(output.container ?? 'published', 'output.container'),
      prefix: checkPrefix(output.prefix ?? `${pipeline}/`, 'output.prefix'),
      ...(output.table !== undefined && { table: oneOf(output.table, ['delta'], 'delta', 'output.table') }),
    },
  };
  const { prefix } = places.output;
  if (prefix !== '' && !prefix.endsWith('/'))
    refuse('output.prefix', `${show(prefix)} is not a folder`, `Use '${prefix}/'.`);
  if (overlap(places.source, places.output)) {
    refuse(
      'output.prefix',
      `${places.output.container}/${prefix} overlaps the source ${places.source.container}/${places.source.prefix}: outputs would be taken for input`,
      'Use another container or folder for one of them.',
    );
  }
  return places;
}

/**
 * Whether a blob can lie in both places.
 * @param a one place
 * @param b another place
 * @returns true when a blob can lie in both
 */
export function overlap(a: { container: string; prefix: string }, b: { container: string; prefix: string }): boolean {
  return a.container === b.container && (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix));
}
