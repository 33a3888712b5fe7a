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
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const folder = fileURLToPath(new URL('../../packages/ordinal/', import.meta.url));

/** Entry points by the names of their reports. */
export const entryPoints: Readonly<Record<string, string>> = {
  ordinal: 'dist/src/index.d.ts',
  testing: 'dist/src/testing/index.d.ts',
  parquet: 'dist/src/parquet/index.d.ts',
};

const silent = { logLevel: ExtractorLogLevel.None, addToApiReportFile: false };

/**
 * Makes one report.
 * @param name of the entry point
 * @param write whether the kept report may be changed
 * @returns whether the kept report was as it is now
 * @throws Error when the declarations cannot be read
 */
export function isCurrent(name: string, write: boolean): boolean {
  const temporary = path.join(folder, 'dist/.api');
  mkdirSync(temporary, { recursive: true });
  mkdirSync(path.join(folder, 'api'), { recursive: true });
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: path.join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: path.join(folder, entryPoints[name]!),
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
          files: [path.join(folder, entryPoints[name]!)],
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
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: write,
    messageCallback: (said) => {
      said.handled = true;
    },
  });
  return !apiReportChanged;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const check = process.argv.includes('--check');
  const stale = Object.keys(entryPoints).filter((name) => !isCurrent(name, !check));
  if (stale.length > 0) console.log(`${check ? 'stale' : 'written'}: ${stale.join(', ')}`);
  if (check && stale.length > 0) {
    console.error('Run npm run api, and read the difference: it is what users see.');
    process.exitCode = 1;
  }
}
