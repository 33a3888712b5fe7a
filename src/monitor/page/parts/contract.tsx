/** What a pipeline takes and makes: the contract of its rows, its entities, and what ties them to IDs. */
import { plural } from '../format.ts';
import type { ContractColumn, EntityOutline, PipelineDetail } from '../types.ts';
import { type Column, Table } from './table.tsx';
import { Link, Section, Text } from './ui.tsx';

const columns: Column<[name: string, ContractColumn]>[] = [
  { head: 'Column', cell: ([name]) => <Text of={name} mono /> },
  { head: 'Type', cell: ([, column]) => <Text of={typeOf(column)} /> },
  { head: 'Null', cell: ([, column]) => (mayBeNull(column) ? 'allowed' : '') },
  { head: 'Rules', cell: ([, column]) => <Text of={rulesOf(column) || '–'} mono /> },
];

function variants(column: ContractColumn): ContractColumn[] {
  return Array.isArray(column.anyOf) ? (column.anyOf as ContractColumn[]) : [column];
}

function typeOf(column: ContractColumn): string {
  const types = variants(column).flatMap(({ type, format }) =>
    [type ?? 'any'].flat().map((one) => (format === undefined ? one : `${one} (${format})`)),
  );
  return [...new Set(types)].filter((type) => type !== 'null').join(' or ');
}

function mayBeNull(column: ContractColumn): boolean {
  return variants(column).some(({ type }) => [type].flat().includes('null'));
}

const notRules = new Set(['type', 'format', 'anyOf']);

function rulesOf(column: ContractColumn): string {
  const rules = variants(column).flatMap((variant) =>
    Object.entries(variant)
      .filter(([word, value]) => !notRules.has(word) && Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER)
      .map(
        ([word, value]) => `${word.replace(/^x-/, '')} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      ),
  );
  return rules.join(', ');
}

export function Contract({ pipeline: { contract } }: { pipeline: PipelineDetail }) {
  const rows = Object.entries(contract.properties ?? {});
  return (
    <Section title="Row contract" note={`What each source row must have: ${plural(rows.length, 'column')}.`}>
      <Table caption="Row contract" columns={columns} rows={rows} keyOf={([name]) => name} />
    </Section>
  );
}

export function Entities({ pipeline }: { pipeline: PipelineDetail }) {
  const { entities, identity, references } = pipeline;
  const of = ({ name }: EntityOutline) => identity.entities[name];
  const entityColumns: Column<EntityOutline>[] = [
    { head: 'Entity', cell: ({ name }) => <Text of={name} /> },
    { head: 'Rows are', cell: ({ kind }) => (kind === 'keyed' ? 'new keys' : 'source rows') },
    { head: 'Columns', cell: ({ columns: list }) => <Text of={list.map(({ name }) => name).join(', ')} mono /> },
    {
      head: 'Refers to',
      cell: ({ name }) => {
        const to = [...new Set(references.filter(({ from }) => from === name).map((one) => one.to))];
        return to.length > 0 && <Text of={to.join(', ')} />;
      },
    },
    { head: 'IDs from', cell: (entity) => <Text of={of(entity)?.sequence ?? ''} mono /> },
    { head: 'Key', cell: (entity) => of(entity)?.key && <Text of={of(entity)!.key!.join(', ')} mono /> },
    {
      head: 'Key index',
      cell: (entity) => {
        const index = of(entity)?.index;
        return index !== undefined && <Link to={['keys', index]} of={index} mono />;
      },
    },
  ];
  return (
    <Section
      title="Entities and identity"
      note="Kind, sequence, key and key index tie an entity to the IDs that it has given: a run refuses a pipeline that changes them."
    >
      <Table caption="Entities" columns={entityColumns} rows={entities} keyOf={({ name }) => name} />
    </Section>
  );
}
