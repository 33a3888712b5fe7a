/**
 * Reads the app's settings as the Functions host sees them: the environment wins over `local.settings.json`. `main.ts`
 * calls it once.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const fileSchema = z.object({ Values: z.record(z.string(), z.string()).default({}) });

export async function readSettings(
  env: Record<string, string | undefined>,
): Promise<Record<string, string | undefined>> {
  for (const name of ['local.settings.json', 'local.settings.sample.json']) {
    const text = await readFile(name, 'utf8').catch(() => undefined);
    if (text !== undefined) return { ...fileSchema.parse(JSON.parse(text)).Values, ...env };
  }
  return env;
}
