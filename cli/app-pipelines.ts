/**
 * Finds and loads the pipelines of the app in a folder: what its `pipelines/index` exports as `pipelines`, and as `settings`
 * what it gives to `registerOrdinal`. Every command that needs pipelines gets them from here. It must not load an app's
 * entry, which would register functions.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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
  const { ordinal } = parsed(manifest, path.join(folder, 'package.json')) as { ordinal?: { pipelines?: string } };
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

function parsed(text: string, file: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch (cause) {
    const message = `${file} is not JSON: ${cause instanceof Error ? cause.message : cause}`;
    throw new OrdinalError('InvalidSettings', message, { remedy: 'Correct it.', cause });
  }
}

interface AppModule {
  pipelines?: readonly PipelineDefinition[] | PipelineRegistry;
  settings?: OrdinalSettings;
}

/** Loads a module. What it throws, or why it is none, is said with its place. */
async function loaded(file: string, name: string): Promise<AppModule> {
  try {
    return (await import(pathToFileURL(file).href)) as AppModule;
  } catch (cause) {
    if (cause instanceof OrdinalError || !(cause instanceof Error)) throw cause;
    // Node says the place of a mistake of syntax in front of the message, and of others below it.
    const place = cause.stack
      ?.split('\n')
      .map((line) => /file:\/\/[^\s)]+:\d+/.exec(line)?.[0])
      .find((at) => at !== undefined && !at.includes('/node_modules/'));
    const at = place === undefined ? '' : ` (${path.relative(process.cwd(), fileURLToPath(place))})`;
    throw new OrdinalError('InvalidPipeline', `${name} cannot be loaded: ${cause.message}${at}`, {
      remedy: 'Correct it. The compiler says more: npx tsc --noEmit.',
      cause,
    });
  }
}

/**
 * Loads the pipelines of an app.
 * @param folder of the app
 * @throws OrdinalError `InvalidSettings` where there is no app, `InvalidPipeline` for what its modules declare
 */
export async function loadAppPipelines(folder: string): Promise<AppPipelines> {
  const file = await moduleIn(folder);
  const { pipelines, settings = {} } = await loaded(file, path.relative(folder, file));
  if (pipelines instanceof Map) return { pipelines, settings };
  if (Array.isArray(pipelines)) return { pipelines: registerPipelines(pipelines), settings };
  throw new OrdinalError('InvalidPipeline', `${path.relative(folder, file)} exports no list named pipelines`, {
    remedy: 'Write there: export const pipelines = [flights];',
  });
}
