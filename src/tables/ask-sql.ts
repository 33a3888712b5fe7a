/**
 * The view of an entity's current rows as somebody asks for it: by the entity's name, for an engine, now or as of a run.
 * The command `sql` calls it. It reads manifests and writes nothing.
 */
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { endpointOf } from '../storage/connection.ts';
import { currentRows } from './current-rows.ts';
import { currentRowsSql } from './sql.ts';
import { addressesAt, type Engine } from './sql-dialects.ts';
import { readSharers } from './write-views.ts';

export interface SqlRequest {
  /** `ENTITY`, or `PIPELINE.ENTITY` where several pipelines have one of that name. */
  entity: string;
  engine: Engine;
  /** A run: what had been published when it had. */
  asOf?: string;
  /** Where the containers are, in place of the storage account: a folder with copies of them, or another address. */
  at?: string;
}

/**
 * The SQL of an entity's current rows.
 *
 * @throws OrdinalError `InvalidRequest` when no pipeline has the entity, or several have; `UnknownRun` when the run of
 * `asOf` has not published; `LimitExceeded` when there are more files than a view names.
 */
export async function askSql(environment: Environment, { entity, engine, asOf, at }: SqlRequest): Promise<string> {
  const { pipeline, name } = entityOf(environment, entity);
  const sharing = await readSharers(environment, pipeline);
  const addressOf = addressesAt(engine, at ?? endpointOf(environment.config.storage));
  return currentRowsSql(engine, currentRows(sharing, name, asOf), addressOf, asOf);
}

function entityOf({ pipelines }: Environment, asked: string): { pipeline: CompiledPipeline; name: string } {
  const all = [...pipelines.values()].flatMap((pipeline) => pipeline.entities.map(({ name }) => ({ pipeline, name })));
  const named = all.filter(({ pipeline, name }) => asked === name || asked === `${pipeline.name}.${name}`);
  if (named.length === 1) return named[0]!;
  const field = { where: { field: 'entity' } };
  if (named.length === 0) {
    const names = all.map(({ name }) => name);
    throw new OrdinalError('InvalidRequest', `no pipeline has an entity "${asked}"`, {
      ...field,
      remedy: `Correct the name. ${didYouMean(asked, names)}`,
    });
  }
  const full = named.map(({ pipeline, name }) => `${pipeline.name}.${name}`);
  throw new OrdinalError('InvalidRequest', `several pipelines have an entity "${asked}"`, {
    ...field,
    remedy: `Name one of them: ${full.join(', ')}.`,
  });
}
