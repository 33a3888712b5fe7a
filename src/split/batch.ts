/**
 * Splits one batch, unit by unit. Chunks of the source go in; the static bytes of each rows entity come out, and at the
 * end the batch's key lists and its record. The activity beside it fetches and stages: there is no I/O here.
 */

import type { Fragment, SplitBatch } from '../documents/split-record.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { QuarantineList } from './contract/quarantine.ts';
import { RejectedRows } from './contract/rejected-rows.ts';
import { BatchKeys, type KeyTypes } from './keys/key-lists.ts';
import type { FetchedUnit } from './read-units.ts';
import { type BatchMemory, memoryOf, RunMemory } from './run-memory.ts';
import { SourceUnit } from './source-unit.ts';
import type { OutLeafType, Ways } from './write/reuse-chunk.ts';
import { leftRows } from './write/unrouted.ts';
import { type WrittenFragment, writeFragment } from './write/write-fragment.ts';

export interface BatchSchema {
  /** By entity: columns of its files. */
  outputs: ReadonlyMap<string, readonly OutLeafType[]>;
  keyTypes: KeyTypes;
  /** By contract column: its type over all files of the run, before the contract. */
  sourceTypes: ReadonlyMap<string, ColumnType>;
  /** @default 'any' */
  ways?: Ways;
  /** The run's plan, or any object that its batches share. */
  run?: object;
}

export class BatchSplitter {
  readonly #pipeline: CompiledPipeline;
  readonly #schema: BatchSchema;
  readonly #keys: BatchKeys;
  readonly #run: RunMemory;
  readonly #memory: BatchMemory;
  readonly #sections: Int32Array[] = [];
  readonly #fragments = new Map<string, Fragment[]>();
  readonly #rowsOut = new Map<string, number>();
  readonly #quarantine = new QuarantineList();
  readonly #rejectedRows: RejectedRows;
  #rows = 0;
  #rejected = 0;
  #keysOnly = 0;
  #unrouted = 0;

  constructor(pipeline: CompiledPipeline, schema: BatchSchema) {
    this.#pipeline = pipeline;
    this.#schema = schema;
    this.#run = schema.run ? memoryOf(schema.run) : new RunMemory();
    this.#memory = this.#run.takeBatch();
    this.#rejectedRows = new RejectedRows(pipeline.contract, schema.sourceTypes);
    this.#keys = new BatchKeys(pipeline, schema.keyTypes, this.#memory);
    for (const entity of pipeline.entities) if (entity.kind === 'rows') this.#fragments.set(entity.name, []);
  }

  /** Takes one unit. Returns the static halves to stage, by entity. */
  add(fetched: FetchedUnit): Map<string, WrittenFragment> {
    const { chunks, place } = fetched;
    const unit = new SourceUnit(this.#pipeline, this.#schema.sourceTypes, fetched, this.#memory);
    const fed = this.#keys.add(unit);
    const written = new Map<string, WrittenFragment>();
    const rowsBefore = new Map(this.#rowsOut);
    this.#rejected += unit.rejected;
    const rejections = unit.rejections();
    this.#quarantine.add(rejections, place);
    this.#rejectedRows.add(rejections, chunks, place);
    for (const entity of this.#pipeline.entities) {
      if (entity.kind !== 'rows') continue;
      const fragments = this.#fragments.get(entity.name)!;
      const fragment = writeFragment(entity, {
        unit,
        fed,
        outputs: this.#schema.outputs.get(entity.name)!,
        rowGroup: fragments.length,
        rowsBefore,
        ways: this.#schema.ways ?? 'any',
        readers: this.#pipeline.readers,
        idEncoding: this.#pipeline.idEncoding,
        section: (values) => this.#sections.push(values) - 1,
      });
      if (!fragment) continue;
      fragments.push(fragment.fragment);
      written.set(entity.name, fragment);
      this.#rowsOut.set(entity.name, (this.#rowsOut.get(entity.name) ?? 0) + fragment.fragment.rows);
    }
    const left = leftRows(this.#pipeline, unit, fed);
    this.#keysOnly += left.keysOnly;
    this.#unrouted += left.unrouted;
    this.#rows += unit.rows;
    return written;
  }

  /** Where the refused rows are. */
  get refused(): RejectedRows['places'] {
    return this.#rejectedRows.places;
  }

  /**
   * The record of the batch, and what goes beside it. The last call: the batch's memory goes to others.
   *
   * @param others of the refused rows: what the source has beside the contract.
   */
  finish(batch: number, others: Parameters<RejectedRows['toTable']>[0] = { columns: [], leftOut: [] }): SplitBatch {
    const keys = this.#keys.counts();
    const keyLists = this.#keys.tables();
    this.#run.giveBatch(this.#memory);
    return {
      record: {
        batch,
        rows: this.#rows,
        fragments: Object.fromEntries(this.#fragments),
        keys,
        ...(this.#rejected > 0 && { rejected: this.#rejected }),
        ...(this.#keysOnly > 0 && { keysOnly: this.#keysOnly }),
        ...(this.#unrouted > 0 && { unrouted: this.#unrouted }),
      },
      sections: this.#sections,
      keyLists,
      rejected: this.#quarantine.toTable(),
      rejectedRows: this.#rejectedRows.toTable(others),
    };
  }
}
