/**
 * Loads the app as the Functions Node worker does. `main.ts` of this folder calls it. The same files must be loaded as
 * in Azure, in the same way.
 */
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Loads the app as the Functions Node worker does (`W/startApp.ts`): `package.json#main` may be a glob, and every file
 * that matches is loaded, `.mjs` and files of an ESM package by `import()`, all others by `require`.
 *
 * @returns the files loaded. @throws when nothing matches, or when a file fails to load.
 */
export async function loadApp(scriptRoot: string): Promise<string[]> {
  const pattern = entryPattern(scriptRoot);
  const files = globSync(pattern, { cwd: scriptRoot }).sort();
  if (files.length === 0) {
    throw withoutStack(
      `Nothing to load: no file matches "main": "${pattern}" of ${join(scriptRoot, 'package.json')}. ` +
        'Is the app built? (npm run build)',
    );
  }
  for (const file of files) await loadFile(join(scriptRoot, file), scriptRoot);
  return files;
}

function entryPattern(scriptRoot: string): string {
  let text: string;
  try {
    text = readFileSync(join(scriptRoot, 'package.json'), 'utf8');
  } catch {
    throw withoutStack(`There is no package.json in ${scriptRoot}: it is not a Functions app.`);
  }
  const { main } = JSON.parse(text) as { main?: unknown };
  if (typeof main !== 'string') throw withoutStack(`package.json in ${scriptRoot} has no "main": nothing to load.`);
  return main;
}

async function loadFile(file: string, scriptRoot: string): Promise<void> {
  try {
    if (extname(file) === '.mjs' || (extname(file) !== '.cjs' && isModulePackage(scriptRoot))) {
      await import(pathToFileURL(file).href);
    } else {
      createRequire(join(scriptRoot, 'package.json'))(file);
    }
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    const wrapped = new Error(`Worker was unable to load entry point "${file}": ${reason.message}`);
    wrapped.stack = `${wrapped.message}\n${reason.stack}`;
    throw wrapped;
  }
}

/** An error about the app and not about this code, so its stack trace is left out. */
function withoutStack(message: string): Error {
  return Object.assign(new Error(message), { stack: message });
}

function isModulePackage(scriptRoot: string): boolean {
  const { type } = JSON.parse(readFileSync(join(scriptRoot, 'package.json'), 'utf8')) as { type?: string };
  return type === 'module';
}
