/**
 * A source column of one row group, held to the contract. The cheapest sufficient proof is taken, in this order:
 * footer statistics (nothing is read), the dictionary (each distinct value once), the rows. What the contract leaves
 * unchanged stays copyable as bytes.
 */
import { OrdinalError } from '../errors.ts';
import { decodeChunk, decodeValidity } from '../parquet/decode.ts';
import { type Builder, builder, reader } from '../parquet/logical.ts';
import type { ChunkMeta, Column, ColumnType, Leaf, RawStatistics, Values } from '../parquet/types.ts';
import { allocate, copyBytes, gather } from '../parquet/values.ts';
import type { ContractColumn, JsKind } from '../pipeline/compiled.ts';
import { promote } from './promote.ts';
import { memoOf, SAME } from './schema-memo.ts';

/** Where a chunk comes from, for error messages. */
export interface ChunkPlace {
  blob: string;
  rowGroup: number;
  /** Row number, in the blob, of the row group's first row. */
  firstRow: number;
}

export interface SourceChunk {
  leaf: Leaf;
  meta: ChunkMeta;
  bytes: Uint8Array;
  rows: number;
  place: ChunkPlace;
}

/** Rows as JavaScript values; through the dictionary where there is one, so that functions run per distinct value. */
export type JsView =
  | { form: 'dictionary'; values: unknown[]; indices: Int32Array; at(row: number): unknown }
  | { form: 'plain'; at(row: number): unknown };

const utf8 = new TextEncoder();

/** A value's way to and from JavaScript is memoised up to this many distinct values per row group. */
const MEMO_MAX = 65_536;

export class CleanColumn {
  readonly contract: ContractColumn;
  readonly source: SourceChunk;
  /** Type of the values after the contract. */
  readonly type: ColumnType;
  /** True when the contract changed no value of this row group: the source's bytes may be copied. */
  unchanged = true;
  /** True when the contract turned a value into null: the source's levels, and so its data pages, no longer hold. */
  nullsAdded = false;
  readonly #distinct: boolean;
  #column: Column | undefined;
  #js: JsView | undefined;

  /** `distinct`: the column's distinct values will be needed (it feeds keys, or its schema looks at values). */
  constructor(contract: ContractColumn, source: SourceChunk, distinct: boolean) {
    this.contract = contract;
    this.source = source;
    this.#distinct = distinct;
    this.type = contract.outputType ?? source.leaf.type;
    if (source.rows > 0) {
      this.#checkNulls();
      if (!this.#provenByStatistics()) this.#checkValues();
    }
  }

  get rows(): number {
    return this.source.rows;
  }

  /** Decoded values after the contract. Decoded at most once. */
  column(): Column {
    if (!this.#column) {
      const { bytes, meta, leaf } = this.source;
      const decoded = decodeChunk(bytes, meta, leaf, this.rows, this.#where());
      this.#column = this.#distinct ? promote(decoded) : decoded;
    }
    return this.#column;
  }

  /** The values of the rows `at`, in that order. */
  gather(at: Int32Array): Column {
    return gatherColumn(this.column(), at);
  }

  js(): JsView {
    this.#js ??= jsView(this.column(), this.type, this.contract.output);
    return this.#js;
  }

  #where() {
    return { blob: this.source.place.blob, rowGroup: this.source.place.rowGroup, column: this.source.leaf.name };
  }

  #checkNulls(): void {
    const { leaf, meta } = this.source;
    if (this.contract.nullable || !leaf.optional || meta.statistics?.nullCount === 0) return;
    const { nulls, valid } = decodeValidity(this.source.bytes, meta, leaf, this.rows, this.#where());
    if (nulls > 0) throw this.#invalid(valid ? valid.indexOf(0) : 0, 'null', 'the contract does not accept null');
  }

  /** True when no value needs to be looked at. */
  #provenByStatistics(): boolean {
    const { contract } = this;
    const { type } = this.source.leaf;
    const wholeNumbers = isInteger(type);
    if (!contract.active) {
      if (contract.input !== 'number') return true;
      // What a number may be refused for: fractions and NaN in floats, too many digits in 64-bit integers.
      if (wholeNumbers && type.physical === 'INT32') return true;
    }
    if (!wholeNumbers || contract.changes || (contract.active && !contract.bounds)) return false;
    const range = integerRange(this.source.meta.statistics, type);
    if (!range) return this.source.meta.statistics?.nullCount === this.rows;
    const { min, max } = numberBounds(contract);
    return range.min >= BigInt(Math.ceil(min)) && range.max <= BigInt(Math.floor(max));
  }

  /** Runs the schema: on the dictionary's entries, or on the rows. Rebuilds the values where the schema changed any. */
  #checkValues(): void {
    const column = this.column();
    const read = reader(this.source.leaf.type, this.contract.input);
    const simple = this.contract.input === 'number' && (!this.contract.active || this.contract.bounds !== undefined);
    if (simple && !this.contract.changes && numbersHold(column, this.contract)) return;
    if (column.form === 'dictionary') {
      this.#column = this.#cleanDictionary(column, read) ?? column;
    } else {
      this.#column = this.#cleanRows(column, read) ?? column;
    }
  }

  #cleanDictionary(
    column: Extract<Column, { form: 'dictionary' }>,
    read: (values: Values, i: number) => unknown,
  ): Column | undefined {
    const { dictionary } = column;
    const remembered = this.#cleanStrings(column, read);
    if (remembered) return remembered === column ? undefined : remembered;
    const out: unknown[] = new Array(dictionary.length);
    let changed = this.contract.output !== this.contract.input;
    for (let entry = 0; entry < dictionary.length; entry++) {
      const result = this.#parse(read, dictionary, entry);
      if (result.ok) {
        out[entry] = result.value;
        changed ||= !same(result.value, result.input);
        continue;
      }
      // A dictionary may hold entries that no row uses: those are nobody's values.
      const row = column.indices.indexOf(entry);
      if (row >= 0) throw this.#invalid(row, result.input, result.reason);
      out[entry] = undefined;
    }
    if (!changed) return undefined;
    this.unchanged = false;
    const build = builder(this.type);
    // What has no value (an unused refused entry, an entry turned into null) takes another entry's; no row shows it.
    const spare = out.find((value) => value !== undefined && value !== null);
    if (spare === undefined) return this.#allNull(column.rows);
    for (let entry = 0; entry < out.length; entry++) {
      this.#push(build, out[entry] ?? spare, () => column.indices.indexOf(entry));
    }
    const values = build.finish().values;
    if (!out.includes(null)) return { ...column, dictionary: values };
    const indices = column.indices.map((entry) => (entry < 0 || out[entry] === null ? -1 : entry));
    let nulls = 0;
    for (const entry of indices) if (entry < 0) nulls++;
    this.nullsAdded = nulls > column.nulls;
    return { form: 'dictionary', rows: column.rows, nulls, dictionary: values, indices };
  }

  /**
   * The same for strings that stay strings, with the memory of earlier row groups. The column itself when nothing
   * changed; undefined where only the general way will do (a refused value, a null result, a full memory).
   */
  #cleanStrings(
    column: Extract<Column, { form: 'dictionary' }>,
    read: (values: Values, i: number) => unknown,
  ): Column | undefined {
    const { dictionary } = column;
    const { contract } = this;
    const strings = contract.input === 'string' && contract.output === 'string' && contract.outputType === undefined;
    if (!strings || dictionary.kind !== 'bytes') return undefined;
    const { data, offsets } = dictionary;
    const memo = memoOf(contract);
    if (!memo.worthwhile) return undefined;
    const outcomes = new Int32Array(dictionary.length);
    let changed = false;
    for (let entry = 0; entry < dictionary.length; entry++) {
      const start = offsets[entry]!;
      const end = offsets[entry + 1]!;
      let outcome = memo.find(data, start, end);
      if (outcome === undefined) {
        const result = this.#parse(read, dictionary, entry);
        if (!result.ok || typeof result.value !== 'string') return undefined;
        outcome = memo.add(data, start, end, same(result.value, result.input) ? undefined : utf8.encode(result.value));
        if (outcome === undefined) return undefined;
      }
      outcomes[entry] = outcome;
      changed ||= outcome !== SAME;
    }
    if (!changed) return column;
    this.unchanged = false;
    return { ...column, dictionary: withOutputs(dictionary, outcomes, memo.outputs.values()) };
  }

  #allNull(rows: number): Column {
    this.nullsAdded = true;
    return { form: 'plain', rows, nulls: rows, values: allocate(this.type, rows), valid: new Uint8Array(rows) };
  }

  #cleanRows(
    column: Extract<Column, { form: 'plain' }>,
    read: (values: Values, i: number) => unknown,
  ): Column | undefined {
    const { values, valid, rows } = column;
    const memo = new Map<unknown, unknown>();
    let build: Builder | undefined = this.contract.output === this.contract.input ? undefined : builder(this.type);
    if (build) this.unchanged = false;
    for (let row = 0; row < rows; row++) {
      if (valid !== undefined && valid[row] === 0) {
        build?.pushNull();
        continue;
      }
      const result = this.#parse(read, values, row, memo);
      if (!result.ok) throw this.#invalid(row, result.input, result.reason);
      if (!build && !same(result.value, result.input)) {
        build = this.#rebuild(read, values, valid, row, memo);
        this.unchanged = false;
      }
      if (build) this.#push(build, result.value, () => row);
    }
    if (!build) return undefined;
    const cleaned = build.finish();
    let nulls = 0;
    if (cleaned.valid) for (const bit of cleaned.valid) if (bit === 0) nulls++;
    this.nullsAdded = nulls > column.nulls;
    return { form: 'plain', rows, nulls, values: cleaned.values, valid: cleaned.valid };
  }

  /** The rows before the first changed one, into a new builder. */
  #rebuild(
    read: (values: Values, i: number) => unknown,
    values: Values,
    valid: Uint8Array | undefined,
    end: number,
    memo: Map<unknown, unknown>,
  ): Builder {
    const build = builder(this.type);
    for (let row = 0; row < end; row++) {
      if (valid !== undefined && valid[row] === 0) build.pushNull();
      else {
        const result = this.#parse(read, values, row, memo);
        this.#push(build, result.ok ? result.value : undefined, () => row);
      }
    }
    return build;
  }

  #parse(
    read: (values: Values, i: number) => unknown,
    values: Values,
    i: number,
    memo?: Map<unknown, unknown>,
  ): { ok: true; value: unknown; input: unknown } | { ok: false; reason: string; input: unknown } {
    let input: unknown;
    try {
      input = read(values, i);
    } catch (thrown) {
      return { ok: false, reason: thrown instanceof Error ? thrown.message : String(thrown), input: undefined };
    }
    const unchecked = !this.contract.active && this.contract.input !== 'number';
    if (unchecked) return { ok: true, value: input, input };
    if (memo?.has(input)) return { ok: true, value: memo.get(input), input };
    const parsed = this.contract.parse(input);
    if (!parsed.ok) return { ok: false, reason: parsed.reason, input };
    if (memo && memo.size < MEMO_MAX) memo.set(input, parsed.value);
    return { ok: true, value: parsed.value, input };
  }

  #push(build: Builder, value: unknown, row: () => number): void {
    try {
      build.push(value);
    } catch (thrown) {
      throw this.#invalid(row(), value, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  #invalid(row: number, value: unknown, reason: string): OrdinalError {
    const { place, leaf } = this.source;
    return new OrdinalError('InvalidValue', `column "${leaf.name}" holds ${shown(value)}: ${reason}`, {
      where: { blob: place.blob, rowGroup: place.rowGroup, column: leaf.name, row: place.firstRow + Math.max(0, row) },
      remedy: "Correct the source, or widen this column's schema in the pipeline.",
    });
  }
}

/** Values of a decoded column as JavaScript values. */
export function jsView(column: Column, type: ColumnType, kind: JsKind): JsView {
  const read = reader(type, kind);
  if (column.form === 'dictionary') {
    const { indices, dictionary } = column;
    const values = new Array<unknown>(dictionary.length);
    for (let entry = 0; entry < dictionary.length; entry++) values[entry] = readable(read, dictionary, entry);
    return { form: 'dictionary', values, indices, at: (row) => (indices[row]! < 0 ? null : values[indices[row]!]) };
  }
  const { values, valid } = column;
  return { form: 'plain', at: (row) => (valid !== undefined && valid[row] === 0 ? null : read(values, row)) };
}

/** Unused entries may be unreadable as this kind; used ones have been checked. */
function readable(read: (values: Values, i: number) => unknown, values: Values, i: number): unknown {
  try {
    return read(values, i);
  } catch {
    return undefined;
  }
}

/** The rows `at` of a column, in that order. */
export function gatherColumn(column: Column, at: Int32Array): Column {
  if (column.form === 'dictionary') {
    const indices = new Int32Array(at.length);
    let nulls = 0;
    for (let i = 0; i < at.length; i++) {
      const entry = column.indices[at[i]!]!;
      indices[i] = entry;
      if (entry < 0) nulls++;
    }
    return { form: 'dictionary', rows: at.length, nulls, dictionary: column.dictionary, indices };
  }
  let valid: Uint8Array | undefined;
  let nulls = 0;
  if (column.valid) {
    valid = new Uint8Array(at.length);
    for (let i = 0; i < at.length; i++) {
      const bit = column.valid[at[i]!]!;
      valid[i] = bit;
      if (bit === 0) nulls++;
    }
  }
  return { form: 'plain', rows: at.length, nulls, values: gather(column.values, at), valid };
}

/** The bounds that a number column's schema states, within what a JavaScript number holds exactly. */
function numberBounds(contract: ContractColumn): { min: number; max: number } {
  return {
    min: Math.max(Number.MIN_SAFE_INTEGER, contract.bounds?.min ?? Number.MIN_SAFE_INTEGER),
    max: Math.min(Number.MAX_SAFE_INTEGER, contract.bounds?.max ?? Number.MAX_SAFE_INTEGER),
  };
}

/**
 * Whether all numbers of a column hold, where the schema says nothing but bounds: by comparison, without a call a
 * value. False sends every value through the schema, which then finds the reason. Unused entries may fail here.
 */
function numbersHold(column: Column, contract: ContractColumn): boolean {
  const values = column.form === 'dictionary' ? column.dictionary : column.values;
  const valid = column.form === 'plain' ? column.valid : undefined;
  const holds = (value: number, min: number, max: number) =>
    value >= min && value <= max && (!contract.integer || Number.isInteger(value));
  if (values.kind === 'int64') {
    const { min, max } = numberBounds(contract);
    const low = BigInt(Math.ceil(min));
    const high = BigInt(Math.floor(max));
    for (let i = 0; i < values.length; i++) {
      const value = values.data[i]!;
      if ((value < low || value > high) && (valid === undefined || valid[i] === 1)) return false;
    }
    return true;
  }
  if (values.kind !== 'float' && values.kind !== 'double' && values.kind !== 'int32') return false;
  const min = contract.bounds?.min ?? -Number.MAX_VALUE;
  const max = contract.bounds?.max ?? Number.MAX_VALUE;
  for (let i = 0; i < values.length; i++) {
    if (!holds(values.data[i]!, min, max) && (valid === undefined || valid[i] === 1)) return false;
  }
  return true;
}

function isInteger(type: ColumnType): boolean {
  return (
    (type.physical === 'INT32' || type.physical === 'INT64') &&
    (type.annotation === undefined || type.annotation.kind === 'int')
  );
}

function integerRange(
  statistics: RawStatistics | undefined,
  type: ColumnType,
): { min: bigint; max: bigint } | undefined {
  const low = statistics?.minValue;
  const high = statistics?.maxValue;
  const width = type.physical === 'INT32' ? 4 : 8;
  if (low?.length !== width || high?.length !== width) return undefined;
  const unsigned = type.annotation?.kind === 'int' && !type.annotation.signed;
  const read = (bytes: Uint8Array): bigint => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (width === 4) return BigInt(unsigned ? view.getUint32(0, true) : view.getInt32(0, true));
    return unsigned ? view.getBigUint64(0, true) : view.getBigInt64(0, true);
  };
  return { min: read(low), max: read(high) };
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return false;
}

/** The entries with their outputs in place of those that the schema changed. */
function withOutputs(
  dictionary: Extract<Values, { kind: 'bytes' }>,
  outcomes: Int32Array,
  outputs: Extract<Values, { kind: 'bytes' }>,
): Values {
  const offsets = new Uint32Array(outcomes.length + 1);
  const span = (entry: number) => {
    const from = outcomes[entry]! === SAME ? dictionary : outputs;
    const at = outcomes[entry]! === SAME ? entry : outcomes[entry]!;
    return { from, at };
  };
  for (let entry = 0; entry < outcomes.length; entry++) {
    const { from, at } = span(entry);
    offsets[entry + 1] = offsets[entry]! + from.offsets[at + 1]! - from.offsets[at]!;
  }
  const data = new Uint8Array(offsets[outcomes.length]!);
  for (let entry = 0; entry < outcomes.length; entry++) {
    const { from, at } = span(entry);
    copyBytes(from.data, from.offsets[at]!, from.offsets[at + 1]!, data, offsets[entry]!);
  }
  return { kind: 'bytes', length: outcomes.length, data, offsets };
}

/** A value for an error message: short, and quoted where it is text. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : value instanceof Date ? value.toISOString() : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
