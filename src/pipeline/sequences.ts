/** The sequences of a pipeline, collected while its entities compile. */
import { limits } from '../limits.ts';
import type { SequenceOptions } from './compiled.ts';
import { checkSharedName } from './names.ts';
import { record, refuse, show } from './refuse.ts';

export class Sequences {
  readonly #byName = new Map<string, { options: SequenceOptions; field: string; given: boolean }>();

  /**
   * Notes a use of a sequence. Throws `InvalidPipeline` when two uses state different options; a use that states
   * none takes those of the use that does.
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

/** Refuses two statements of one sequence with different options. */
export function refuseConflict(
  known: { options: SequenceOptions; field: string },
  other: { options: SequenceOptions; field: string },
): void {
  const [a, b] = [known.options, other.options];
  if (a.start === b.start && a.step === b.step) return;
  refuse(
    other.field,
    `sequence '${a.name}' has start ${b.start} and step ${b.step} here, start ${a.start} and step ${a.step} at ${known.field}`,
    'a sequence has one start and one step: state them alike, or name another sequence',
  );
}

function wholeNumber(value: unknown, min: bigint, field: string): string {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  if (!whole || BigInt(value) < min || BigInt(value) > limits.idMax) {
    return refuse(
      field,
      `${show(value)} is not a number from ${min} to 2^63-1`,
      'use a whole number, or a bigint such as 10n',
    );
  }
  return BigInt(value).toString();
}
