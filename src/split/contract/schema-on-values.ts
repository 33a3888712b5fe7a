/**
 * Applies a contract column's schema to stored values. They become JavaScript values, the schema says what it makes of
 * them, and what it changed becomes stored values again. Contract columns call it where no quicker proof holds.
 */
import { type Builder, builder, rawReader, reader } from '../../parquet/logical.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { ColumnType, Values } from '../../parquet/types.ts';
import { allocate, concat } from '../../parquet/values.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { reasonOf } from './js-view.ts';

/** A value's way to and from JavaScript is memoised up to this many distinct values per unit. */
const MEMO_MAX = 65_536;

/** Outcomes of the schema that are no value. */
export const NULLED = -1;
export const REFUSED = -2;

/** What the schema made of a list of values: by slot, a position in `values`, `NULLED` or `REFUSED`. */
export interface Outcome {
  values: Values;
  positions: Int32Array;
}

export interface Refused {
  slot: number;
  value: unknown;
  reason: string;
}

/** What the schema says of one value. */
export type Parsed = { ok: true; value: unknown; input: unknown } | { ok: false; reason: string; input: unknown };

export class SchemaOnValues {
  readonly #contract: ContractColumn;
  readonly #sourceType: ColumnType;
  readonly #type: ColumnType;
  readonly #read: ReturnType<typeof reader>;

  /** `sourceType` and `type` are the column's before and after the contract. */
  constructor(contract: ContractColumn, sourceType: ColumnType, type: ColumnType) {
    this.#contract = contract;
    this.#sourceType = sourceType;
    this.#type = type;
    this.#read = reader(sourceType, contract.input);
  }

  /**
   * Runs the schema on values. Undefined when it changed none. Only changed values are written anew, so that what a
   * JavaScript value cannot hold (a timestamp's microseconds) survives where the schema left it alone.
   */
  applyTo(
    values: Values,
    valid: Uint8Array | undefined,
    refused: Refused[],
    memo?: Map<unknown, unknown>,
  ): Outcome | undefined {
    const { length } = values;
    const retyped =
      this.#contract.output !== this.#contract.input || typeText(this.#type) !== typeText(this.#sourceType);
    const base = retyped ? 0 : length;
    // A decimal's text is not its bytes.
    const isText =
      values.kind === 'bytes' &&
      !retyped &&
      this.#contract.input === 'string' &&
      this.#sourceType.annotation?.kind !== 'decimal';
    const proof = isText ? this.#contract.proof : undefined;
    let build: Builder | undefined;
    let positions: Int32Array | undefined;
    for (let slot = 0; slot < length; slot++) {
      if (valid !== undefined && valid[slot] === 0) {
        if (positions) positions[slot] = NULLED;
        continue;
      }
      if (proof && values.kind === 'bytes' && proof(values.data, values.offsets[slot]!, values.offsets[slot + 1]!))
        continue;
      const result = this.parse(values, slot, memo);
      if (result.ok && !retyped && same(result.value, result.input)) continue;
      if (!positions) {
        positions = startPositions(values, valid, retyped);
        build = builder(this.#type);
      }
      positions[slot] = result.ok ? push(build!, result.value, slot, base, refused) : REFUSED;
      if (!result.ok) refused.push({ slot, value: result.input, reason: result.reason });
    }
    if (!positions || !build) {
      // Nothing but nulls: of another type all the same.
      return retyped ? { positions: new Int32Array(length).fill(NULLED), values: allocate(this.#type, 0) } : undefined;
    }
    const built = build.finish().values;
    return { positions, values: retyped ? built : concat(this.#type, [values, built]) };
  }

  /** What the schema says of value i. */
  parse(values: Values, i: number, memo?: Map<unknown, unknown>): Parsed {
    let input: unknown;
    try {
      input = this.#read(values, i);
    } catch (thrown) {
      return { ok: false, reason: reasonOf(thrown), input: rawReader(this.#sourceType)(values, i) };
    }
    const unchecked = !this.#contract.active && this.#contract.input !== 'number';
    if (unchecked) return { ok: true, value: input, input };
    const quick = this.#contract.quick?.(input);
    if (quick !== undefined) return { ok: true, value: quick, input };
    // A map takes both zeros for one.
    const known = Object.is(input, -0) ? undefined : memo;
    if (known?.has(input)) return { ok: true, value: known.get(input), input };
    const parsed = this.#contract.parse(input);
    if (!parsed.ok) return { ok: false, reason: parsed.reason, input };
    if (known && known.size < MEMO_MAX) known.set(input, parsed.value);
    return { ok: true, value: parsed.value, input };
  }
}

/** Every slot as it is: its own position, or null. */
function startPositions(values: Values, valid: Uint8Array | undefined, retyped: boolean): Int32Array {
  const positions = new Int32Array(values.length);
  for (let slot = 0; slot < positions.length; slot++) {
    positions[slot] = retyped || (valid !== undefined && valid[slot] === 0) ? NULLED : slot;
  }
  return positions;
}

function push(build: Builder, value: unknown, slot: number, base: number, refused: Refused[]): number {
  if (value === null || value === undefined) return NULLED;
  try {
    const position = base + build.length;
    build.push(value);
    return position;
  } catch (thrown) {
    refused.push({ slot, value, reason: reasonOf(thrown) });
    return REFUSED;
  }
}

/** Whether the schema left a value alone. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return false;
}
