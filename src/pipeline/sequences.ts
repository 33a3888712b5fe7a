/**
 * The sequences of a pipeline, collected while its entities compile. `entities.ts` collects, and the phases divide what
 * was reserved. It must never hand out an ID: that is the work of `src/sequence`.
 */
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline, SequenceOptions } from './compiled.ts';
import { checkSharedName } from './names.ts';
import { record, refuse, show } from './refuse.ts';

/** The sequences of one pipeline. */
export class Sequences {
  readonly #byName = new Map<string, { options: SequenceOptions; field: string; given: boolean }>();

  /**
   * Notes a use of a sequence. A use that states no options takes those of the use that does.
   * @throws `InvalidPipeline` when two uses state different options
   */
  use(name: unknown, settings: unknown, field: string): string {
    const sequence = checkSharedName(name, field);
    const { start, step } = record(settings, field, ['sequence', 'start', 'step']);
    const given = start !== undefined || step !== undefined;
    const options: SequenceOptions = {
      name: sequence,
      start: wholeNumber(start ?? 1, 0n, `${field}.start`),
      step: wholeNumber(step ?? 1, 1n, `${field}.step`),
    };
    const known = this.#byName.get(sequence);
    if (!known) {
      this.#byName.set(sequence, { options, field, given });
    } else if (given && !known.given) {
      Object.assign(known, { options, field, given });
    } else if (given) {
      refuseConflict(known, { options, field });
    }
    return sequence;
  }

  /** Distinct sequences in order of first use. */
  list(): SequenceOptions[] {
    return [...this.#byName.values()].map(({ options }) => options);
  }
}

/**
 * Refuses two statements of one sequence with different options.
 * @param known the first statement, and where it is
 * @param other the second statement, and where it is
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function refuseConflict(
  known: { options: SequenceOptions; field: string },
  other: { options: SequenceOptions; field: string },
): void {
  const [a, b] = [known.options, other.options];
  if (a.start === b.start && a.step === b.step) return;
  refuse(
    other.field,
    `sequence '${a.name}' has start ${b.start} and step ${b.step} here, start ${a.start} and step ${a.step} at ${known.field}`,
    'State start and step alike, or name another sequence.',
  );
}

function wholeNumber(value: unknown, min: bigint, field: string): string {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  if (!whole || BigInt(value) < min || BigInt(value) > limits.idMax) {
    return refuse(
      field,
      `${show(value)} is not a number from ${min} to 2^63-1`,
      'Use a whole number, or a bigint such as 10n.',
    );
  }
  return BigInt(value).toString();
}

/**
 * Divides each sequence's reservation among the ID columns that draw on it, in declaration order. Pure: the
 * orchestrator computes the same demand to know what to reserve.
 * @param pipeline a compiled pipeline
 * @param rows rows of each entity in the run, by name
 * @returns `bases`: by entity and ID column, the ordinal at which the column's IDs begin; `demand`: IDs to reserve, by
 *   sequence
 */
export function divide(
  pipeline: CompiledPipeline,
  rows: Record<string, number>,
): { bases: Record<string, Record<string, number>>; demand: Map<string, number> } {
  const demand = new Map(pipeline.sequences.map((sequence) => [sequence.name, 0]));
  const bases: Record<string, Record<string, number>> = {};
  for (const entity of pipeline.entities) {
    const count = rows[entity.name] ?? 0;
    for (const column of entity.columns) {
      if (column.kind !== 'id') continue;
      const base = demand.get(column.sequence);
      invariant(base !== undefined, `"${column.sequence}" is among the pipeline's sequences`);
      bases[entity.name] = { ...bases[entity.name], [column.name]: base };
      demand.set(column.sequence, base + count);
    }
  }
  return { bases, demand };
}
