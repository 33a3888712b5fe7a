/**
 * The commands `sql` and `delta repair`. `sql` changes nothing; `delta repair` changes only the logs of a pipeline's
 * tables, never a file of a table.
 */
import { Option } from '@commander-js/extra-typings';
import { pipelineOf } from '../../src/environment/environment.ts';
import { askSql } from '../../src/tables/ask-sql.ts';
import { repairTables } from '../../src/tables/repair-tables.ts';
import { engines } from '../../src/tables/sql-dialects.ts';
import { defineCommand } from '../command.ts';
import { count } from '../terminal/text.ts';

export const sqlCommand = defineCommand({
  name: 'sql',
  summary: 'Print the view of an entity: its current rows, from published files only',
  needs: ['storage'],
  details: 'docs/outputs.md says what a view shows.',
  examples: [
    ['sql customers > customers.sql', 'for DuckDB: duckdb -c ".read customers.sql" -c "FROM customers"'],
    ['sql shop.customers --engine spark --as-of 2026-11-30', 'as it was when that run had published'],
  ],
  configure: (command) =>
    command
      .argument('<entity>', 'an entity, or PIPELINE.ENTITY')
      .addOption(
        new Option('--engine <engine>', 'duckdb, synapse or spark').choices(engines).default('duckdb' as const),
      )
      .option('--as-of <run>', 'what had been published when this run had')
      .option('--at <place>', 'where the containers are, such as a folder of copies'),
  work: async (given, { engine, asOf, at }, entity) => {
    const sql = await askSql(await given.environment(), {
      ...{ entity, engine },
      ...(asOf !== undefined && { asOf }),
      ...(at !== undefined && { at }),
    });
    return { show: [], raw: sql, value: { entity, engine, sql } };
  },
});

export const deltaCommands = [
  defineCommand({
    name: 'delta repair',
    summary: "Make up what a pipeline's Delta tables lack, and make damaged logs anew",
    needs: ['storage'],
    details: 'It goes by manifests. Files of the tables stay as they are.',
    configure: (command) =>
      command.argument('<pipeline>', 'its name').option('--anew', 'make the logs anew, whatever they say'),
    work: async (given, { anew }, name) => {
      const environment = await given.environment();
      const value = await repairTables(environment, pipelineOf(environment, name), { anew: anew === true });
      const done = ({ was, anew: again }: (typeof value)[number]) =>
        again ? 'made anew' : was === 'missing' ? 'made' : 'brought up to date';
      const columns = [
        { title: 'table', whole: true },
        { title: 'was' },
        { title: 'is' },
        { title: 'files', right: true },
      ];
      const rows = value.map((table) => [table.folder, table.was, done(table), count(table.files)]);
      return { show: [{ columns, rows, none: `${name} has no tables.` }], value };
    },
  }),
];
