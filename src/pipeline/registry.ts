/**
 * The pipelines of an app: compiled once, at start-up, and checked against each other. `pipelines/index.ts` calls it.
 * After that, no pipeline changes while the process lives.
 */
import { OrdinalError } from '../errors.ts';
import { editDistance } from '../nearest.ts';
import { compile } from './compile.ts';
import type { CompiledPipeline, KeyedEntity, SequenceOptions } from './compiled.ts';
import type { PipelineDefinition } from './definition.ts';
import { overlap } from './names.ts';
import { refuse } from './refuse.ts';
import { refuseConflict } from './sequences.ts';

/** By name, in the order of registration. */
export type PipelineRegistry = ReadonlyMap<string, CompiledPipeline>;

/**
 * Compiles all pipelines of an app, at its start.
 * @param definitions what the pipelines' modules export
 * @returns the pipelines by name, in the order given
 * @throws `InvalidPipeline` for a pipeline that is wrong by itself, and for two that do not go together: the same name,
 *   overlapping outputs, a shared sequence or key index stated differently, or pipelines that would start each other in
 *   a circle
 * @example
 * const pipelines = registerPipelines([tickets]);
 */
export function registerPipelines(definitions: readonly PipelineDefinition[]): PipelineRegistry {
  try {
    return registered(definitions);
  } catch (thrown) {
    // Whoever loads the app prints the stack. Where it was noticed helps nobody: what is wrong and what to do does.
    if (thrown instanceof OrdinalError)
      thrown.stack = [`${thrown.code}: ${thrown.message}`, thrown.remedy].filter(Boolean).join('\n');
    throw thrown;
  }
}

function registered(definitions: readonly PipelineDefinition[]): PipelineRegistry {
  const registry = new Map<string, CompiledPipeline>();
  for (const definition of definitions) {
    const compiled = compile(definition);
    if (registry.has(compiled.name)) refuse('name', `two pipelines are named '${compiled.name}'`, 'Rename one.');
    for (const other of registry.values()) refuseSharedOutput(other, compiled);
    registry.set(compiled.name, compiled);
  }
  checkSequences(registry);
  checkIndexes(registry);
  refuseNearNames(registry);
  refuseCircles(registry);
  return registry;
}

function refuseSharedOutput(a: CompiledPipeline, b: CompiledPipeline): void {
  if (!overlap(a.output, b.output)) return;
  refuse(
    'output.prefix',
    `pipelines '${a.name}' and '${b.name}' both write to ${b.output.container}/${b.output.prefix}`,
    'Give each its own folder; by default it is named as the pipeline.',
  );
}

function checkSequences(registry: PipelineRegistry): void {
  const known = new Map<string, { options: SequenceOptions; field: string }>();
  for (const { name, sequences } of registry.values()) {
    for (const options of sequences) {
      const here = { options, field: `pipeline ${name}` };
      const there = known.get(options.name);
      if (there) refuseConflict(there, here);
      else known.set(options.name, here);
    }
  }
}

/** What must be alike for two entities to share a key index: the key's types, and the sequence its IDs come from. */
function indexIdentity({ key, columns, partitions = 1 }: KeyedEntity): string {
  const id = columns[0]?.kind === 'id' ? columns[0].sequence : '';
  return `key (${key.map((c) => `${c.name}: ${c.input}`).join(', ')}), sequence '${id}'${partitions > 1 ? `, ${partitions} partitions` : ''}`;
}

function checkIndexes(registry: PipelineRegistry): void {
  const known = new Map<string, { identity: string; at: string; shared: string | undefined }>();
  for (const { name, entities } of registry.values()) {
    for (const entity of entities) {
      if (entity.kind !== 'keyed') continue;
      const here = { identity: indexIdentity(entity), at: `pipeline ${name}`, shared: entity.shared?.declared };
      const there = known.get(entity.index);
      if (there) refuseOtherShared(entity, there);
      if (there && there.identity !== here.identity) {
        refuse(
          `entities.${entity.name}.index`,
          `key index '${entity.index}' has ${here.identity} in ${here.at}, ${there.identity} in ${there.at}`,
          'Give entities that share a key index the same key and the same sequence.',
        );
      }
      known.set(entity.index, here);
    }
  }
}

/** What is declared as a shared entity is that entity, wherever its key index is used. */
function refuseOtherShared(
  { index, name, shared }: KeyedEntity,
  there: { at: string; shared: string | undefined },
): void {
  if (shared?.declared === there.shared) return;
  const twice = shared && there.shared !== undefined;
  refuse(
    `entities.${name}`,
    twice
      ? `the shared entity '${index}' is declared in another way than the one in ${there.at}`
      : `key index '${index}' is that of a shared entity, and ${shared ? there.at : 'this entity'} does not use it`,
    twice
      ? 'Declare it once, in a module that both pipelines import.'
      : `Give both { kind: 'shared', entity: shared('${index}', ...) }, declared once.`,
  );
}

/**
 * A shared key index whose name one edit makes that of another is that one, misspelt: the same key would get two IDs.
 * Names that differ in a digit are taken for two, as in `tariffs-2025`. Names that were not given count as the other only.
 */
function refuseNearNames(registry: PipelineRegistry): void {
  const keyed = [...registry.values()].flatMap(({ name, entities }) =>
    entities.flatMap((entity) =>
      entity.kind === 'keyed' ? [{ index: entity.index, isShared: entity.index !== `${name}.${entity.name}` }] : [],
    ),
  );
  const letters = (name: string) => name.replace(/\d+/g, '');
  for (const { index } of keyed.filter(({ isShared }) => isShared)) {
    const near = keyed.find(
      (other) => editDistance(index, other.index) === 1 && letters(index) !== letters(other.index),
    );
    if (near === undefined) continue;
    refuse(
      'index',
      `key indexes '${index}' and '${near.index}' differ in one letter: the same key would have an ID in each`,
      'Declare one with sharedIndex() and import it where it is shared, or give the other a name that differs more.',
    );
  }
}

/** One pipeline's output may be another's source, but not in a circle: it would never end. */
function refuseCircles(registry: PipelineRegistry): void {
  const all = [...registry.values()];
  const startedBy = (from: CompiledPipeline) => all.filter((p) => overlap(from.output, p.source));
  const done = new Set<CompiledPipeline>();
  const visit = (pipeline: CompiledPipeline, path: CompiledPipeline[]): void => {
    if (path.includes(pipeline)) {
      const circle = [...path.slice(path.indexOf(pipeline)), pipeline].map((p) => `'${p.name}'`);
      refuse(
        'output.prefix',
        `pipelines would start each other without end: ${circle.join(' → ')}`,
        'Write to another folder.',
      );
    }
    if (done.has(pipeline)) return;
    for (const next of startedBy(pipeline)) visit(next, [...path, pipeline]);
    done.add(pipeline);
  };
  for (const pipeline of all) visit(pipeline, []);
}
