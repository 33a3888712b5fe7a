/**
 * HTTP handlers that show what the app knows: its pipelines with the contract of their rows, and its sequences as their
 * entities are now. `routes.ts` lists the handlers. They change nothing.
 */

import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { ledgerSummary, readLedger } from '../ledger/ledger.ts';
import { emptyLedger } from '../ledger/ledger-documents.ts';
import { didYouMean } from '../nearest.ts';
import { type ArrivalMode, arrivalOf } from '../pipeline/arrival.ts';
import type { CompiledPipeline, SequenceOptions } from '../pipeline/compiled.ts';
import { identityOf } from '../pipeline/identity.ts';
import { contractJsonSchema } from '../pipeline/json-schema.ts';
import { scheduleOf } from '../pipeline/schedule.ts';
import { ledgerOf } from '../plan/run-ledger.ts';
import { sequenceEntityName } from '../sequence/calls.ts';
import { countOf, fromJson } from '../sequence/id-range.ts';
import { sequenceStateSchema } from '../sequence/state.ts';
import { holderOf } from './holder.ts';
import { json } from './problem.ts';
import type { Door, Handler } from './request-context.ts';

export const listPipelines: Handler = async ({ environment }) =>
  json(200, { pipelines: [...environment.pipelines.values()].map((pipeline) => viewPipeline(environment, pipeline)) });

export const getPipeline: Handler = async ({ environment }, request) => {
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  return json(200, {
    ...viewPipeline(environment, pipeline),
    hash: pipeline.hash,
    contract: contractJsonSchema(pipeline),
    identity: identityOf(pipeline),
    references: referencesOf(pipeline),
  });
};

export const getLedger: Handler = async ({ environment }, request) => {
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  const head = (await readLedger(ledgerOf(environment, pipeline)))?.value ?? emptyLedger(pipeline.name);
  return json(200, { pipeline: pipeline.name, ...ledgerSummary(head) });
};

function viewPipeline({ config }: Environment, pipeline: CompiledPipeline) {
  return pipelineView(pipeline, arrivalOf(pipeline, config.arrivals), scheduleOf(pipeline, config.schedules));
}

/**
 * A pipeline as callers see it.
 *
 * @param arrival what arriving blobs start.
 * @param schedule when a timer starts it.
 */
export function pipelineView(pipeline: CompiledPipeline, arrival: ArrivalMode | undefined, schedule?: string) {
  return {
    name: pipeline.name,
    source: pipeline.source,
    output: pipeline.output,
    ...(arrival && { arrival }),
    ...(schedule !== undefined && { schedule }),
    onInvalid: pipeline.onInvalid,
    entities: pipeline.entities.map((entity) => ({
      name: entity.name,
      kind: entity.kind,
      columns: entity.columns.map(({ name, kind }) => ({ name, kind })),
      ...(entity.kind === 'keyed' && { key: entity.key.map(({ name }) => name) }),
    })),
    sequences: pipeline.sequences.map(({ name }) => name),
  };
}

/** Which entity refers to which, by which column. */
function referencesOf({ entities }: CompiledPipeline) {
  return entities.flatMap(({ name, columns }) =>
    columns.flatMap((column) =>
      column.kind === 'ref' || column.kind === 'rowRef' ? [{ from: name, column: column.name, to: column.entity }] : [],
    ),
  );
}

interface Known extends SequenceOptions {
  pipelines: string[];
}

/** All sequences by name, in the order in which pipelines first use them. */
function knownSequences(environment: Environment): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const pipeline of environment.pipelines.values()) {
    for (const sequence of pipeline.sequences) {
      const entry = known.get(sequence.name) ?? { ...sequence, pipelines: [] };
      known.set(sequence.name, { ...entry, pipelines: [...entry.pipelines, pipeline.name] });
    }
  }
  return known;
}

export const listSequences: Handler = async (door) => {
  const known = [...knownSequences(door.environment).values()];
  return json(200, { sequences: await Promise.all(known.map((sequence) => viewSequence(door, sequence))) });
};

export const getSequence: Handler = async (door, request) => {
  const name = request.params.sequence ?? '';
  const known = knownSequences(door.environment);
  const sequence = known.get(name);
  if (!sequence) {
    throw new OrdinalError('UnknownSequence', `there is no sequence "${name.slice(0, 200)}"`, {
      where: { field: 'sequence' },
      remedy: didYouMean(name, known.keys()),
    });
  }
  return json(200, await viewSequence(door, sequence));
};

async function viewSequence(door: Door, { name, start, step, pipelines }: Known) {
  const state = await door.runs.entity(sequenceEntityName, name);
  // A sequence from which no ID was taken has no entity yet.
  if (state === undefined) return { name, pipelines, start, step, next: start, free: [], open: [] };
  const parsed = sequenceStateSchema.safeParse(state);
  if (!parsed.success) throw new OrdinalError('Internal', `the stored state of sequence "${name}" is malformed`);
  const { data } = parsed;
  return {
    name,
    pipelines,
    start: data.start,
    step: data.step,
    next: data.next,
    free: data.free,
    open: await Promise.all(
      data.open.map(async ({ owner, ranges }) => ({
        ...(await holderOf(door, owner, 'reserve')),
        count: String(countOf(ranges.map(fromJson))),
      })),
    ),
  };
}
