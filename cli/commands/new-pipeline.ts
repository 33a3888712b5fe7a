/**
 * The command `new pipeline`: writes a pipeline's module from the schema and the rows of a Parquet file. `../new/` makes the
 * text. It never writes over a file, but adds a line to the app's list of pipelines.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand, UsageError } from '../command.ts';
import type { FileProfile } from '../new/profile.ts';
import { openFile } from '../open-file.ts';
import { count } from '../terminal/text.ts';

const nameForm = /^[a-z][a-z0-9_-]{0,62}$/;

async function put(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(`${file} is there already. Choose another name, or remove the file.`);
    if (code === 'ENOENT')
      throw new UsageError('there is no folder pipelines/. Run the command in the folder of an app.');
    throw thrown;
  }
}

/** Where the app's modules get the words of a pipeline from: in the repository of Ordinal itself, from its sources. */
function importsOf(folder: string): string {
  const own = 'src/pipeline/index.ts';
  return existsSync(path.join(folder, own)) ? `../${own}` : '@ordinal-ids/ordinal/pipeline';
}

/** Reads a file by ranges. @throws OrdinalError `SourceEmpty` when it cannot be read */
async function profileOf(from: string): Promise<FileProfile> {
  const { handle, size } = await openFile(from);
  try {
    const { profileFile } = await import('../new/profile.ts');
    const read = async (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    };
    return await profileFile({ size, read }, from);
  } finally {
    await handle.close();
  }
}

export const newPipelineCommand = defineCommand({
  name: 'new pipeline',
  summary: "Write a pipeline's module from a Parquet file: a typed contract, and key candidates",
  needs: [],
  details:
    'Types and nullability come from the file, checks from its rows (the first million). Keys are for you to choose.',
  examples: [
    ['new pipeline trips --from trips.parquet', 'writes pipelines/trips.ts and adds it to pipelines/index.ts'],
  ],
  configure: (command) =>
    command
      .argument('<name>', 'lower-case, as in a URL: letters, digits, - and _')
      .requiredOption('--from <file>', 'path of a Parquet file'),
  work: async (given, { from }, name) => {
    if (!nameForm.test(name)) throw new UsageError(`"${name}" is not a name: use lower-case letters, digits, - and _.`);
    const { pipelineText, withPipeline } = await import('../new/pipeline-text.ts');
    const profile = await profileOf(from);
    const file = path.join('pipelines', `${name}.ts`);
    await put(file, pipelineText(name, path.basename(from), profile, { from: importsOf('.') }));
    const list = path.join('pipelines', 'index.ts');
    const before = await readFile(list, 'utf8').catch(() => '');
    const after = withPipeline(before, name);
    if (after !== undefined && after !== before) await writeFile(list, after);
    const listed = after !== undefined;
    return {
      show: [
        `${file}: ${profile.columns.length} columns, from ${count(profile.rows)} rows of ${from}.`,
        listed ? `${list} lists it.` : `Add it to the list in ${list}.`,
        `Next: read the contract, then run ${given.program} try ${name} ${from}`,
      ],
      value: { file, listed, rows: profile.rows, columns: profile.columns.map((column) => column.name) },
    };
  },
});
