/**
 * Finds and loads the pipelines of the app in a folder: what its `pipelines/index` exports as `pipelines`, and as `settings`
 * what it gives to `registerOrdinal`. Every command that needs pipelines gets them from here. It must not load an app's
 * entry, which would register functions.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OrdinalSettings } from '../src/environment/app-settings.ts';
import { OrdinalError } from '../src/errors.ts';
import type { PipelineDefinition } from '../src/pipeline/definition.ts';
import { type PipelineRegistry, registerPipelines } from '../src/pipeline/registry.ts';

/** An app as the command sees it. */
export interface AppPipelines {
  pipelines: PipelineRegistry;
  /** Settings that the app gives in code. */
  settings: OrdinalSettings;
}

/** Whether this Node runs TypeScript as it is. */
const runsTypeScript = process.features.typescript !== false && process.features.typescript !== undefined;

/** The module that lists the pipelines: the source where Node can run it, else what was built of it. */
async function moduleIn(folder: string): Promise<string> {
  const manifest = await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => '{}');
  const { ordinal } = JSON.parse(manifest) as { ordinal?: { pipelines?: string } };
  const places = [
    ...(ordinal?.pipelines === undefined ? [] : [ordinal.pipelines]),
    ...(runsTypeScript ? ['pipelines/index.ts'] : []),
    ...['pipelines/index.js', 'pipelines/index.mjs', 'dist/pipelines/index.js'],
  ];
  const found = places.find((place) => existsSync(path.join(folder, place)));
  if (found !== undefined) return path.join(folder, found);
  throw new OrdinalError('InvalidSettings', `there is no app of Ordinal in ${folder}: it has no pipelines/index.ts`, {
    remedy: 'Run the command in the folder of an app. ordinal init DIR writes one.',
  });
}

/**
 * Loads the pipelines of an app.
 * @param folder of the app
 * @throws OrdinalError `InvalidSettings` where there is no app, `InvalidPipeline` for what its modules declare
 */
export async function loadAppPipelines(folder: string): Promise<AppPipelines> {
  const file = await moduleIn(folder);
  const { pipelines, settings = {} } = (await import(pathToFileURL(file).href)) as {
    pipelines?: readonly PipelineDefinition[] | PipelineRegistry;
    settings?: OrdinalSettings;
  };
  if (pipelines instanceof Map) return { pipelines, settings };
  if (Array.isArray(pipelines)) return { pipelines: registerPipelines(pipelines), settings };
  throw new OrdinalError('InvalidPipeline', `${path.relative(folder, file)} exports no list named pipelines`, {
    remedy: 'Write there: export const pipelines = [flights];',
  });
}
