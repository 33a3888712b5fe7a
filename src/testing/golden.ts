/**
 * Golden files: what a pipeline published, kept as JSON beside the test, so that a change of any value shows in review.
 * Tests of pipelines call it. It must never rewrite a file unless it is asked to.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tried } from './try-pipeline.ts';

/** Bigints end in `n`, dates are ISO text, bytes are in hexadecimal after `0x`: each as a text that JSON can hold. */
function shown(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? `0x${Buffer.from(value).toString('hex')}` : value;
}

/**
 * Compares what a run published with a golden file, row by row. With `UPDATE_GOLDEN=1` in the environment it writes the
 * file instead; read the difference before you commit it.
 * @param tried what `tryPipeline` gave
 * @param file path or URL of a JSON file
 * @throws AssertionError that shows the difference; an `Error` that says what to do where there is no file
 * @example
 * await matchesGolden(await tryPipeline(tickets, 'test/day1.parquet'), new URL('./day1.json', import.meta.url));
 */
export async function matchesGolden(tried: Pick<Tried, 'entities' | 'rejected'>, file: string | URL): Promise<void> {
  const at = file instanceof URL ? fileURLToPath(file) : file;
  const { entities, rejected } = tried;
  const text = `${JSON.stringify({ entities, rejected }, shown, 2)}\n`;
  if (process.env.UPDATE_GOLDEN === '1') {
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, text);
    return;
  }
  const golden = await readFile(at, 'utf8').catch(() => undefined);
  if (golden === undefined) throw new Error(`There is no golden file ${at}. Run the test once with UPDATE_GOLDEN=1.`);
  assert.deepEqual(JSON.parse(text), JSON.parse(golden), `not as in ${at}; UPDATE_GOLDEN=1 writes it anew`);
}
