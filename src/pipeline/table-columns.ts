/**
 * Checks what a pipeline declares against what a table can have: names of columns, and types that the pipeline states.
 * `compile` calls it for pipelines with tables. Types of copied columns are known when the source is read, and the plan
 * checks those.
 */
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn, Entity, OutColumn } from './compiled.ts';
import { deltaType, refusedColumnName } from './delta-types.ts';
import { refuse } from './refuse.ts';

/**
 * Checks the columns of all entities of a pipeline whose outputs are tables.
 * @param entities the compiled entities
 * @param contract the columns of the source
 * @param readers for whom the datasets are written
 * @throws `InvalidPipeline` at the column that no table can have
 */
export function checkTable(
  entities: readonly Entity[],
  contract: readonly ContractColumn[],
  readers: CompiledPipeline['readers'],
): void {
  if (readers === 'parquetjs-lite') {
    refuse(
      'output.table',
      `and readers: '${readers}' ask for other types of the same columns`,
      'Leave one of them out: whoever reads tables knows newer files.',
    );
  }
  for (const { name: entity, columns } of entities) {
    for (const column of columns) {
      const field = `entities.${entity}.columns.${column.name}`;
      const refused = refusedColumnName(column.name);
      if (refused !== undefined) refuse(field, refused, 'Give it another name.');
      const type = statedType(column, contract);
      if (type) checkType(type, field);
    }
  }
}

function statedType(column: OutColumn, contract: readonly ContractColumn[]): ColumnType | undefined {
  switch (column.kind) {
    case 'map':
    case 'compute':
    case 'constant':
      return column.type;
    case 'copy':
      return contract.find(({ name }) => name === column.source)?.outputType;
    default:
      return undefined;
  }
}

function checkType(type: ColumnType, field: string): void {
  const made = deltaType(type);
  if ('refused' in made) refuse(field, made.refused, 'State another type, such as type.string or type.int64.');
  if (typeText(made.stored) !== typeText(type)) {
    refuse(
      field,
      `is ${typeText(type)}, which a table stores as ${typeText(made.stored)}`,
      `State the type that the table has: ${typeText(made.stored)}.`,
    );
  }
}
