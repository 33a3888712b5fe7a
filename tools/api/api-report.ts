/**
 * The report of what the package exports: `packages/ordinal/api/*.api.md`, one for each entry point, made by api-extractor
 * from the built declarations. `npm run api` writes them, and a test compares. A change of the public surface so shows in
 * review; it must never change a report by itself.
 *
 *   node tools/api/api-report.ts           writes the reports; packages/ordinal must be built
 *   node tools/api/api-report.ts --check   ends with 1 where one is stale
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const folder = fileURLToPath(new URL('../../packages/ordinal/', import.meta.url));

/** Entry points by the names of their reports. */
export const entryPoints: Readonly<Record<string, string>> = {
  ordinal: 'dist/src/index.d.ts',
  pipeline: 'dist/src/pipeline/index.d.ts',
  testing: 'dist/src/testing/index.d.ts',
  parquet: 'dist/src/parquet/index.d.ts',
};

const silent = { logLevel: ExtractorLogLevel.None, addToApiReportFile: false };

const pathOf = (name: string) => path.join(folder, entryPoints[name]!);

function configOf(name: string, temporary: string): ExtractorConfig {
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: path.join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: pathOf(name),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            ...{
              target: 'es2022',
              lib: ['es2023', 'esnext.disposable'],
              module: 'nodenext',
              moduleResolution: 'nodenext',
            },
            ...{ strict: true, skipLibCheck: true, types: ['node'] },
          },
          files: [pathOf(name)],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: path.join(folder, 'api'),
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: silent },
        extractorMessageReporting: { default: silent },
        tsdocMessageReporting: { default: silent },
      },
    },
  });
}

/**
 * Makes the reports. The declarations are read once for all of them.
 * @param write whether the kept reports may be changed
 * @returns names of the reports that were not as they are now
 * @throws Error when the declarations cannot be read: packages/ordinal must be built
 */
export function staleReports(write: boolean): string[] {
  const temporary = path.join(folder, 'dist/.api');
  mkdirSync(temporary, { recursive: true });
  mkdirSync(path.join(folder, 'api'), { recursive: true });
  const names = Object.keys(entryPoints);
  const configs = names.map((name) => configOf(name, temporary));
  const compilerState = CompilerState.create(configs[0]!, { additionalEntryPoints: names.slice(1).map(pathOf) });
  const messageCallback = (said: { handled: boolean }) => {
    said.handled = true;
  };
  return names.filter(
    (_, n) => Extractor.invoke(configs[n]!, { localBuild: write, compilerState, messageCallback }).apiReportChanged,
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const check = process.argv.includes('--check');
  const stale = staleReports(!check);
  if (stale.length > 0) console.log(`${check ? 'stale' : 'written'}: ${stale.join(', ')}`);
  if (check && stale.length > 0) {
    console.error('Run npm run api, and read the difference: it is what users see.');
    process.exitCode = 1;
  }
}
