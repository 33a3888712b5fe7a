/**
 * What ties a pipeline to the IDs it gave in earlier runs. A run's manifest keeps it; a later version of the pipeline
 * whose identity contradicts it would give known keys new IDs, or IDs that others have. The plan compares it,
 * publishing writes it. It must never depend on names of columns that hold no ID.
 */
import type { CompiledPipeline, Entity } from './compiled.ts';

/** What ties one entity to the IDs of earlier runs. */
export interface EntityIdentity {
  kind: Entity['kind'];
  /** The sequence of the entity's own ID. */
  sequence: string;
  /** Keyed entities: name of the key index. */
  index?: string;
  /** Keyed entities: partitions of the key index, if more than one. */
  partitions?: number;
  /** Keyed entities: each component of the key as `name: kind`, with `= source column` if it has an own feed. */
  key?: string[];
}

/** A JSON value. */
export interface PipelineIdentity {
  entities: Record<string, EntityIdentity>;
  /** Sequence → step. Its start matters once only, when the sequence begins. */
  steps: Record<string, string>;
}

/**
 * The identity of a pipeline as it is now.
 * @param pipeline a compiled pipeline
 * @returns a JSON value, for the manifest
 */
export function identityOf(pipeline: CompiledPipeline): PipelineIdentity {
  return {
    entities: Object.fromEntries(pipeline.entities.map((entity) => [entity.name, entityIdentity(entity)])),
    steps: Object.fromEntries(pipeline.sequences.map(({ name, step }) => [name, step])),
  };
}

function entityIdentity(entity: Entity): EntityIdentity {
  const [id] = entity.columns;
  const sequence = id?.kind === 'id' ? id.sequence : '';
  if (entity.kind === 'rows') return { kind: entity.kind, sequence };
  const { ownFeed } = entity;
  const key = entity.key.map((c, i) => `${c.name}: ${c.input}${ownFeed ? ` = ${ownFeed[i]}` : ''}`);
  const { index, partitions } = entity;
  return { kind: entity.kind, sequence, index, ...(partitions && { partitions }), key };
}

/** A change that IDs do not survive, with the field that made it. */
export interface BreakingChange {
  field: string;
  message: string;
}

/**
 * What contradicts earlier runs. New entities, entities that are gone, and columns added or removed contradict
 * nothing; another key, another key index, another sequence or step, and rows turned keyed do.
 * @param before the identity of the last published run
 * @param after the identity of the pipeline as it is now
 * @returns the contradictions; empty when IDs survive
 */
export function breakingChanges(before: PipelineIdentity, after: PipelineIdentity): BreakingChange[] {
  const changes: BreakingChange[] = [];
  const compare = (field: string, what: string, was: string | undefined, is: string | undefined, effect: string) => {
    if (was !== is) changes.push({ field, message: `${what} was ${was ?? 'none'} and is ${is ?? 'none'}: ${effect}` });
  };
  for (const [name, was] of Object.entries(before.entities)) {
    if (!Object.hasOwn(after.entities, name)) continue;
    const is = after.entities[name]!;
    const at = `entities.${name}`;
    if (was.kind !== is.kind) {
      compare(at, `'${name}'`, was.kind, is.kind, 'the IDs it gave would mean something else');
      continue;
    }
    compare(`${at}.key`, 'the key', was.key?.join(', '), is.key?.join(', '), 'known rows would get new IDs');
    compare(`${at}.index`, 'the key index', was.index, is.index, 'known keys would get new IDs');
    const partitions = (of: EntityIdentity) => String(of.partitions ?? 1);
    compare(
      `${at}.partitions`,
      'the number of key partitions',
      partitions(was),
      partitions(is),
      'known keys would be looked for in the wrong partition',
    );
    compare(`${at}.id`, 'the sequence', was.sequence, is.sequence, 'IDs could be given twice');
  }
  for (const [name, was] of Object.entries(before.steps)) {
    if (!Object.hasOwn(after.steps, name)) continue;
    compare(`sequence ${name}`, 'the step', was, after.steps[name], 'the sequence would have gaps');
  }
  return changes;
}
