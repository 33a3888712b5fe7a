/**
 * `compile`: from what a pipeline module declares to what the engine runs. `registry.ts` calls it at the start of the
 * app. It must never read a blob or a setting: the same definition gives the same pipeline everywhere.
 */

import { createHash } from 'node:crypto';
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { compileArrival } from './arrival.ts';
import { builder } from './builder.ts';
import type { CompiledPipeline } from './compiled.ts';
import { compileContract } from './contract.ts';
import type { PipelineDefinition, RowSchema } from './definition.ts';
import { compileEntities } from './entities.ts';
import { collectFeeds } from './feeds.ts';
import { compileFolders } from './folders.ts';
import { checkName, checkPlaces, oneOf } from './names.ts';
import { compileReaders, declaredFor, derivedFor } from './readers.ts';
import { record, refuse, show } from './refuse.ts';
import { compileSchedule } from './schedule.ts';
import { checkTable } from './table-columns.ts';

const options = [
  'name',
  'source',
  'output',
  'row',
  'entities',
  'idEncoding',
  'readers',
  'trust',
  'copy',
  'onBadFile',
  'maxBadFiles',
  'onInvalid',
  'maxRejected',
  'arrival',
  'schedule',
];
const maxRejectedDefault = 0.01;
const maxBadFilesDefault = 0.1;

/**
 * Checks a declared pipeline and resolves its names. Deterministic; runs no user function but `entities` and, where
 * nulls are allowed, the schemas on null.
 * @param definition what the pipeline's module says
 * @returns what the engine runs
 * @throws `InvalidPipeline` with pipeline, field and remedy, at the first thing that is wrong
 */
export function compile(definition: PipelineDefinition): CompiledPipeline {
  const given = record(definition, 'pipeline', options);
  const name = checkName(given.name, 'name');
  try {
    return compileNamed(name, given);
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    const { code, message, where, remedy } = thrown;
    throw new OrdinalError(code, `pipeline ${name}: ${message}`, { where: { pipeline: name, ...where }, remedy });
  }
}

function compileNamed(name: string, given: Record<string, unknown>): CompiledPipeline {
  const places = checkPlaces(name, given.source, given.output);
  const { columns: contract, recordTypes, checks } = compileContract(given.row);
  const folders = compileFolders((given.source as { partitions?: unknown }).partitions, contract);
  const compiledEntities = compileEntities(name, declaredEntities(given.entities), { contract, folders, recordTypes });
  const { entities: declared, sequences } = compiledEntities;
  const clash = compiledEntities.derived.find((column) => contract.some((other) => other.name === column.name));
  if (clash) refuse(`row.${clash.name}`, 'is the name of a column that is made', 'Name the source column otherwise.');
  const idEncoding = oneOf(given.idEncoding, ['plain', 'delta'], 'plain', 'idEncoding');
  const readers = compileReaders(given.readers, idEncoding);
  const entities = declaredFor(declared, readers);
  const derived = derivedFor(compiledEntities.derived, readers);
  if (places.output.table) checkTable(entities, contract, readers);
  const trust = trusting(given.trust);
  const onInvalid = oneOf(given.onInvalid, ['fail', 'quarantine'], 'fail', 'onInvalid');
  const copy = oneOf(given.copy, ['function', 'service'], 'function', 'copy');
  if (copy === 'service') checkCopy(onInvalid, readers);
  const onBadFile = oneOf(given.onBadFile, ['fail', 'set-aside'], 'fail', 'onBadFile');
  if (onBadFile === 'fail' && given.maxBadFiles !== undefined) {
    refuse('maxBadFiles', 'has no meaning where a bad file fails the run', "Set onBadFile: 'set-aside'.");
  }
  const compiled = {
    name,
    ...places,
    contract,
    ...(derived.length > 0 && { derived }),
    ...(recordTypes && { recordTypes }),
    ...(checks.length > 0 && { rowChecks: checks }),
    entities,
    feeds: collectFeeds(entities),
    sequences,
    idEncoding,
    ...(readers && { readers }),
    onInvalid,
    maxRejected: rejectedShare(given.maxRejected, onInvalid),
    ...(onBadFile === 'set-aside' && {
      badFiles: { share: share(given.maxBadFiles ?? maxBadFilesDefault, 'maxBadFiles') },
    }),
  };
  const arrival = compileArrival(given.arrival);
  const schedule = compileSchedule(given.schedule);
  return {
    ...compiled,
    hash: shapeHash(compiled),
    ...(trust && { trust: true as const }),
    ...(copy === 'service' && { copy }),
    ...(arrival && { arrival }),
    ...(schedule !== undefined && { schedule }),
    row: given.row as RowSchema,
  };
}

function declaredEntities(entities: unknown): unknown {
  if (typeof entities !== 'function') {
    return refuse('entities', `is ${show(entities)}`, 'Use a function: entities: ({ id, ref }) => ({ ... }).');
  }
  try {
    return entities(builder);
  } catch (thrown) {
    if (thrown instanceof OrdinalError) return refuse('entities', thrown.message, thrown.remedy);
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const word = /^(\w+) is not a function$/.exec(message)?.[1];
    const words = Object.keys(builder);
    return refuse(
      'entities',
      `threw: ${message}`,
      word ? didYouMean(word, words) : `Use its words: ${words.join(', ')}.`,
    );
  }
}

function trusting(given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  return refuse('trust', `${show(given)} is not an option`, 'Use true, or leave it out.');
}

/** What the service copies is not read: neither can a row of it be left out, nor a page be written anew. */
function checkCopy(onInvalid: 'fail' | 'quarantine', readers: CompiledPipeline['readers']): void {
  if (onInvalid === 'quarantine')
    refuse(
      'copy',
      "'service' cannot be where refused rows are set aside",
      "Use copy: 'function', or onInvalid: 'fail'.",
    );
  if (readers)
    refuse('copy', `'service' cannot be for readers '${readers}'`, "Use copy: 'function', or readers: 'source'.");
}

function rejectedShare(given: unknown, onInvalid: 'fail' | 'quarantine'): number {
  if (given === undefined) return onInvalid === 'quarantine' ? maxRejectedDefault : 0;
  if (onInvalid === 'fail')
    refuse('maxRejected', 'has no meaning where an invalid row fails the run', "Set onInvalid: 'quarantine'.");
  return share(given, 'maxRejected');
}

function share(given: unknown, field: string): number {
  if (typeof given !== 'number' || !(given >= 0 && given <= 1)) {
    return refuse(field, `${show(given)} is not a share`, 'Use a number from 0 to 1: 0.01 is one row of a hundred.');
  }
  return given;
}

/** SHA-256 (hex) of the shape as JSON with sorted members. Functions and schemas' checks have no part in it. */
function shapeHash(shape: Omit<CompiledPipeline, 'hash' | 'row' | 'arrival' | 'schedule' | 'trust' | 'copy'>): string {
  const canonical = JSON.stringify(shape, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(canonical).digest('hex');
}
