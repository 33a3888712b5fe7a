/**
 * The distinct natural keys of one batch, for each keyed entity, in first-seen order: by source row, and within a row
 * in the order of the pipeline's feeds. With each key go the attribute values of the first row that named it through
 * the entity's own feed.
 */

import { invariant } from '../errors.ts';
import { keysToValues, keyWriter } from '../keys/encode.ts';
import { KeyTable } from '../keys/table.ts';
import { type TableColumn, writeTable } from '../parquet/table.ts';
import type { Column, ColumnType, Values } from '../parquet/types.ts';
import { concat, gather } from '../parquet/values.ts';
import type { CompiledPipeline, Feed, KeyedEntity, OutColumn } from '../pipeline/compiled.ts';
import { toPlain } from './columns.ts';
import { evaluate } from './evaluate.ts';
import { combine, type Factor } from './factorize.ts';
import type { SourceUnit } from './source-unit.ts';
import { widenColumn } from './widen.ts';

/** For the rows of one unit and one feed: row → code → the key's ordinal in the batch's list. */
export interface FedKeys {
  factor: Factor;
  /** By code. */
  ordinals: Int32Array;
}

/** Columns of a key list beside the key's components. */
export const keyListColumn = {
  component: (c: number) => `key_${c}`,
  attribute: (name: string) => `value_${name}`,
  /** Ordinal in the referenced entity's key list of the same batch. */
  reference: (name: string) => `ref_${name}`,
  /** True where the own feed supplied attributes. */
  described: 'described',
};

export const feedKey = (feed: Pick<Feed, 'target' | 'columns' | 'selectedBy'>) =>
  JSON.stringify([feed.target, feed.columns, feed.selectedBy ?? null]);

/** Types of the keyed entities' key components, by entity; the plan decides them. */
export type KeyTypes = ReadonlyMap<string, ColumnType[]>;

const int32: ColumnType = { physical: 'INT32' };
const boolean: ColumnType = { physical: 'BOOLEAN' };

export class BatchKeys {
  readonly #pipeline: CompiledPipeline;
  readonly #lists = new Map<string, KeyList>();

  constructor(pipeline: CompiledPipeline, keyTypes: KeyTypes) {
    this.#pipeline = pipeline;
    for (const entity of pipeline.entities) {
      if (entity.kind === 'keyed') this.#lists.set(entity.name, new KeyList(entity, keyTypes.get(entity.name)!));
    }
  }

  /** Takes in one unit's rows. Returns what each feed's rows resolved to, by `feedKey`. */
  add(unit: SourceUnit): Map<string, FedKeys> {
    const fed = new Map<string, FedKeys>();
    for (const list of this.#lists.values()) {
      const feeds = this.#pipeline.feeds.filter((feed) => feed.target === list.entity.name);
      const parts = feeds.map((feed) => feedPart(feed, unit, list.types));
      internInOrder(list.table, parts);
      for (const part of parts) fed.set(feedKey(part.feed), { factor: part.factor, ordinals: part.ordinals });
    }
    // Attributes may be references to keys of any entity, so they are taken when all keys have ordinals.
    for (const list of this.#lists.values()) {
      const own = this.#pipeline.feeds.find((feed) => feed.target === list.entity.name && feed.own);
      if (own) list.describe(unit, fed.get(feedKey(own))!, fed);
    }
    return fed;
  }

  /** Distinct keys so far, by entity. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#lists].map(([name, list]) => [name, list.table.size]));
  }

  /** The lists as Parquet tables, by entity; entities without keys are left out. */
  tables(): Map<string, Uint8Array> {
    const tables = new Map<string, Uint8Array>();
    for (const [name, list] of this.#lists) if (list.table.size > 0) tables.set(name, list.toTable());
    return tables;
  }
}

interface FeedPart {
  feed: Feed;
  factor: Factor;
  ordinals: Int32Array;
  /** Writes the key of a code. */
  write(code: number): { bytes: Uint8Array; start: number; end: number };
}

/** `types` are the key's: a feed's columns may be narrower. */
function feedPart(feed: Feed, unit: SourceUnit, types: readonly ColumnType[]): FeedPart {
  const columns = feed.columns.map((name, c) => {
    const cleaned = unit.column(name);
    const type = types[c]!;
    return { column: widenColumn(cleaned.column(), cleaned.type, type), type };
  });
  const factor = feed.columns.map((name) => unit.factor(name, feed.selectedBy)).reduce(combine);
  const writer = keyWriter(columns.map(({ column, type }) => ({ values: valuesOf(column), type })));
  const at = new Array<number>(columns.length);
  return {
    feed,
    factor,
    ordinals: new Int32Array(factor.distinct),
    write(code) {
      const row = factor.firstRow[code]!;
      for (let c = 0; c < columns.length; c++) at[c] = positionOf(columns[c]!.column, row);
      writer.write(at);
      return writer;
    },
  };
}

/** Merges the feeds' codes by first row, then by feed order, and gives each key its ordinal. */
function internInOrder(table: KeyTable, parts: readonly FeedPart[]): void {
  const next = new Int32Array(parts.length);
  for (;;) {
    let best = -1;
    let bestRow = Number.POSITIVE_INFINITY;
    for (let p = 0; p < parts.length; p++) {
      const { factor } = parts[p]!;
      const code = next[p]!;
      if (code < factor.distinct && factor.firstRow[code]! < bestRow) {
        best = p;
        bestRow = factor.firstRow[code]!;
      }
    }
    if (best < 0) return;
    const part = parts[best]!;
    const code = next[best]!;
    const key = part.write(code);
    part.ordinals[code] = table.intern(key.bytes, key.start, key.end);
    next[best] = code + 1;
  }
}

function valuesOf(column: Column): Values {
  return column.form === 'dictionary' ? column.dictionary : column.values;
}

function positionOf(column: Column, row: number): number {
  return column.form === 'dictionary' ? column.indices[row]! : row;
}

type AttributeColumn = Exclude<OutColumn, { kind: 'id' | 'key' | 'rowRef' | 'constant' }>;

/** Attribute columns of a keyed entity: everything that one source row supplies. */
export function attributesOf(entity: KeyedEntity): AttributeColumn[] {
  return entity.columns.filter(
    (column): column is AttributeColumn => !['id', 'key', 'rowRef', 'constant'].includes(column.kind),
  );
}

class KeyList {
  readonly entity: KeyedEntity;
  readonly table = new KeyTable();
  readonly types: ColumnType[];
  readonly #attributes: AttributeColumn[];
  /** By attribute: the values taken so far, unit by unit. */
  readonly #taken: { column: Extract<Column, { form: 'plain' }>; type: ColumnType }[][];
  /** By ordinal: position among the taken rows, or -1. */
  #position = new Int32Array(0);
  #described = 0;

  constructor(entity: KeyedEntity, types: ColumnType[]) {
    this.entity = entity;
    this.types = types;
    this.#attributes = attributesOf(entity);
    this.#taken = this.#attributes.map(() => []);
  }

  /** Takes the attributes of keys that the own feed names for the first time. */
  describe(unit: SourceUnit, own: FedKeys, fed: ReadonlyMap<string, FedKeys>): void {
    if (this.#attributes.length === 0) return;
    this.#growPositions();
    const rows: number[] = [];
    for (let code = 0; code < own.factor.distinct; code++) {
      const ordinal = own.ordinals[code]!;
      if (this.#position[ordinal]! >= 0) continue;
      this.#position[ordinal] = this.#described++;
      rows.push(own.factor.firstRow[code]!);
    }
    if (rows.length === 0) return;
    const at = Int32Array.from(rows);
    this.#attributes.forEach((attribute, a) => {
      this.#taken[a]!.push(
        attribute.kind === 'ref'
          ? { column: referenceColumn(attribute, this.entity, at, fed), type: int32 }
          : { column: toPlain(evaluate(attribute, unit, at)), type: typeOf(attribute, unit) },
      );
    });
  }

  toTable(): Uint8Array {
    this.#growPositions();
    const rows = this.table.size;
    const columns: TableColumn[] = keysToValues(this.table, this.types).map((values, c) => ({
      name: keyListColumn.component(c),
      type: this.types[c]!,
      values,
      valid: undefined,
    }));
    if (this.#attributes.length > 0) {
      const described = new Uint8Array(rows);
      for (let ordinal = 0; ordinal < rows; ordinal++) described[ordinal] = this.#position[ordinal]! < 0 ? 0 : 1;
      columns.push({
        name: keyListColumn.described,
        type: boolean,
        values: { kind: 'boolean', length: rows, data: described },
        valid: undefined,
      });
    }
    if (this.#described > 0) {
      this.#attributes.forEach((attribute, a) => {
        const name =
          attribute.kind === 'ref' ? keyListColumn.reference(attribute.name) : keyListColumn.attribute(attribute.name);
        columns.push(this.#attributeTable(name, a));
      });
    }
    // Read once, by the resolve: compressing and looking for repetition would cost more than it saves.
    return writeTable(columns, { codec: 'UNCOMPRESSED', plain: true });
  }

  /** One attribute for all keys in ordinal order; null where the own feed did not name the key. */
  #attributeTable(name: string, a: number): TableColumn {
    const taken = this.#taken[a]!;
    const values = gather(
      concat(
        taken[0]!.type,
        taken.map(({ column }) => column.values),
      ),
      this.#position,
    );
    const takenValid = new Uint8Array(this.#described).fill(1);
    let at = 0;
    for (const { column } of taken) {
      if (column.valid) takenValid.set(column.valid, at);
      at += column.rows;
    }
    const valid = new Uint8Array(this.table.size);
    for (let ordinal = 0; ordinal < valid.length; ordinal++) {
      const position = this.#position[ordinal]!;
      valid[ordinal] = position < 0 ? 0 : takenValid[position]!;
    }
    return { name, type: taken[0]!.type, values, valid };
  }

  #growPositions(): void {
    const known = this.#position.length;
    if (known >= this.table.size) return;
    const larger = new Int32Array(this.table.size).fill(-1, known);
    larger.set(this.#position);
    this.#position = larger;
  }
}

function typeOf(column: Exclude<AttributeColumn, { kind: 'ref' }>, unit: SourceUnit): ColumnType {
  return column.kind === 'copy' ? unit.column(column.source).type : column.type;
}

/** The referenced keys' ordinals at the rows `at`; null where the reference is null. */
function referenceColumn(
  column: Extract<OutColumn, { kind: 'ref' }>,
  owner: KeyedEntity,
  at: Int32Array,
  fed: ReadonlyMap<string, FedKeys>,
): Extract<Column, { form: 'plain' }> {
  const target = fed.get(
    feedKey({ target: column.entity, columns: column.columns, ...(owner.where && { selectedBy: owner.name }) }),
  );
  invariant(target, `reference "${column.name}" feeds "${column.entity}"`);
  const data = new Int32Array(at.length);
  const valid = new Uint8Array(at.length);
  let nulls = 0;
  for (let i = 0; i < at.length; i++) {
    const code = target.factor.codes[at[i]!]!;
    if (code < 0) {
      nulls++;
      continue;
    }
    data[i] = target.ordinals[code]!;
    valid[i] = 1;
  }
  return {
    form: 'plain',
    rows: at.length,
    nulls,
    values: { kind: 'int32', length: at.length, data },
    valid: nulls > 0 ? valid : undefined,
  };
}
