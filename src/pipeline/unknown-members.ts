/**
 * Unknown members: the rows that stand for keys which are missing. `columns.ts` asks for the ID that a reference names, and
 * `entities.ts` gives each keyed entity the IDs of all its references. No ID of a sequence may ever be that of a member.
 */
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Entity, KeyedEntity, SequenceOptions } from './compiled.ts';
import { record, refuse, show } from './refuse.ts';

/**
 * The ID that a reference writes where a key has a null.
 * @param given the settings of the reference, as they are declared
 * @param field path of the column in the declaration, for errors
 * @returns decimal text; undefined where null is written
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function missingId(given: unknown, field: string): string | undefined {
  const { missing } = record(given, field, ['missing']);
  if (missing === undefined) return undefined;
  const whole = typeof missing === 'bigint' || (typeof missing === 'number' && Number.isSafeInteger(missing));
  if (!whole || BigInt(missing) < -limits.idMax || BigInt(missing) > limits.idMax) {
    return refuse(
      `${field}.missing`,
      `${show(missing)} is not a whole number of 64 bits`,
      'Use a whole number below the start of the sequence, such as 0 or -1.',
    );
  }
  return String(BigInt(missing));
}

/**
 * The entities, the keyed ones with the IDs of their unknown members.
 * @param entities all entities of a pipeline
 * @param sequences its sequences
 * @returns the same entities in the same order
 * @throws `InvalidPipeline` for an ID that the entity's sequence may give, and for an entity whose rows have further IDs
 */
export function withUnknownMembers(entities: readonly Entity[], sequences: readonly SequenceOptions[]): Entity[] {
  return entities.map((entity) => {
    if (entity.kind === 'rows') return entity;
    const unknown = new Set<string>();
    for (const { name, columns } of entities) {
      for (const column of columns) {
        if (column.kind !== 'ref' || column.entity !== entity.name || column.missing === undefined) continue;
        checkMember(entity, column.missing, sequences, `entities.${name}.columns.${column.name}.missing`);
        unknown.add(column.missing);
      }
    }
    if (unknown.size === 0) return entity;
    return { ...entity, unknown: [...unknown].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)) };
  });
}

function checkMember(
  { name, columns: [id, ...columns] }: KeyedEntity,
  missing: string,
  sequences: readonly SequenceOptions[],
  field: string,
): void {
  const own = id?.kind === 'id' ? sequences.find((sequence) => sequence.name === id.sequence) : undefined;
  invariant(own, `"${name}" has an own ID`);
  if (BigInt(missing) >= BigInt(own.start)) {
    refuse(
      field,
      `${missing} is an ID that sequence '${own.name}' may give: it starts at ${own.start}`,
      `Use a number below ${own.start}, such as ${BigInt(own.start) - 1n}.`,
    );
  }
  const further = columns.find(({ kind }) => kind === 'id');
  if (further) {
    refuse(
      field,
      `'${name}' has a further ID '${further.name}', and its unknown member has none`,
      'Leave missing out, or take the further ID to another entity.',
    );
  }
}
