/**
 * The commands of `pipelines`: which there are, what one is, and the acceptance of a change. What a pipeline is comes from
 * this project's own files, so no service is needed to see it.
 */
import { pipelineOf } from '../../src/environment/environment.ts';
import { pipelineView } from '../../src/http/catalogue.ts';
import type { CompiledPipeline, ContractColumn, Entity, OutColumn } from '../../src/pipeline/compiled.ts';
import { contractJsonSchema } from '../../src/pipeline/json-schema.ts';
import { noteIdentity } from '../../src/plan/pipeline-identity.ts';
import { type AnyCommand, defineCommand } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import { checkCommand } from './check.ts';
import { uploadCommand } from './upload.ts';

const list = defineCommand({
  name: 'pipelines list',
  summary: 'Show the pipelines of this project',
  needs: [],
  work: async (given) => {
    const pipelines = [...(await given.pipelines()).values()];
    const rows = pipelines.map((one) => [
      one.name,
      `${one.source.container}/${one.source.prefix}*${one.source.suffix}`,
      one.entities.map(({ name }) => name).join(', '),
      one.arrival?.on ?? '-',
      one.onInvalid,
    ]);
    const columns = [
      { title: 'pipeline', whole: true },
      { title: 'source' },
      { title: 'entities' },
      { title: 'arrival', drop: 2 },
      { title: 'refused rows', drop: 1 },
    ];
    return {
      show: [{ columns, rows, none: 'There is no pipeline: register one in pipelines/index.ts.' }],
      value: pipelines.map((one) => pipelineView(one, one.arrival)),
    };
  },
});

const show = defineCommand({
  name: 'pipelines show',
  summary: 'Show a pipeline: row contract, entities, keys, sequences',
  needs: [],
  configure: (command) => command.argument('<pipeline>', 'name of a pipeline'),
  work: async (given, _, name) => {
    const pipeline = pipelineOf({ pipelines: await given.pipelines() }, name);
    const value = {
      ...pipelineView(pipeline, pipeline.arrival),
      hash: pipeline.hash,
      contract: contractJsonSchema(pipeline),
    };
    return { show: shown(pipeline), value };
  },
});

function shown(pipeline: CompiledPipeline): ShownPart[] {
  const { source, output, arrival, sequences } = pipeline;
  return [
    {
      facts: [
        ['pipeline', pipeline.name],
        ['source', `${source.container}/${source.prefix}*${source.suffix}`],
        ['output', `${output.container}/${output.prefix}`],
        ['arrival', arrival ? JSON.stringify(arrival) : 'none: runs are started by HTTP or by hand'],
        [
          'refused rows',
          pipeline.onInvalid === 'fail' ? 'fail the run' : `set aside, up to ${pipeline.maxRejected} of all`,
        ],
        ['sequences', sequences.map(({ name, start, step }) => `${name} (from ${start}, step ${step})`).join(', ')],
      ],
    },
    {
      columns: [{ title: 'source column' }, { title: 'read as' }, { title: 'null' }, { title: 'schema', drop: 1 }],
      rows: pipeline.contract.map((column) => [
        column.name,
        column.input,
        column.nullable ? 'passes' : 'refused',
        schemaOf(column),
      ]),
      none: 'It reads no column.',
    },
    {
      columns: [{ title: 'entity' }, { title: 'kind' }, { title: 'key' }, { title: 'columns' }],
      rows: pipeline.entities.map((entity) => [
        entity.name,
        entity.kind,
        entity.kind === 'keyed' ? `${entity.key.map(({ name }) => name).join(', ')} in ${entity.index}` : '-',
        entity.columns.map((column) => columnText(column, entity)).join(', '),
      ]),
      none: '',
    },
  ];
}

function schemaOf({ active, changes, outputType }: ContractColumn): string {
  if (!active) return 'states the type only';
  return changes || outputType ? 'may refuse or change a value' : 'may refuse a value';
}

function columnText(column: OutColumn, entity: Entity): string {
  switch (column.kind) {
    case 'ref':
      return `${column.name} -> ${column.entity}${column.missing === undefined ? '' : ` (missing: ${column.missing})`}`;
    case 'rowRef':
      return `${column.name} -> ${column.entity}`;
    case 'id':
      return column === entity.columns[0] ? `${column.name} (ID from ${column.sequence})` : column.name;
    default:
      return column.name;
  }
}

const accept = defineCommand({
  name: 'pipelines accept',
  summary: 'Accept a changed pipeline that contradicts its earlier runs',
  needs: ['storage'],
  configure: (command) => command.argument('<pipeline>', 'name of a pipeline'),
  work: async (given, _, name) => {
    const environment = await given.environment();
    const pipeline = pipelineOf(environment, name);
    await environment.store.ensureContainer(environment.config.workContainer);
    await noteIdentity(environment, pipeline, 'accepted');
    return {
      show: [`${pipeline.name}: accepted as it is now. IDs of earlier runs keep the meaning they had.`],
      value: { pipeline: pipeline.name },
    };
  },
});

export const pipelineCommands: readonly AnyCommand[] = [list, show, checkCommand, uploadCommand, accept];
