/**
 * Reads the app's settings as the Functions host sees them: the environment wins over `local.settings.json`. `main.ts`
 * calls it once. A file that is wrong is refused by name, and not left out.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { OrdinalError } from '../src/errors.ts';

const fileSchema = z.object({ Values: z.record(z.string(), z.string()).default({}) });

export async function readSettings(
  env: Record<string, string | undefined>,
): Promise<Record<string, string | undefined>> {
  for (const name of ['local.settings.json', 'local.settings.sample.json']) {
    const text = await readFile(name, 'utf8').catch(() => undefined);
    if (text !== undefined) return { ...valuesOf(name, text), ...env };
  }
  return env;
}

function valuesOf(name: string, text: string): Record<string, string> {
  let json: unknown;
  try {
    // Editors of some systems put a mark in front.
    json = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (thrown) {
    throw wrongFile(name, `is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data.Values;
  const [issue] = parsed.error.issues;
  throw wrongFile(name, `${issue?.path.join('.')}: ${issue?.message}`);
}

function wrongFile(name: string, says: string): OrdinalError {
  return new OrdinalError('InvalidSettings', `${name}: ${says}`, {
    remedy: 'Write { "IsEncrypted": false, "Values": { "NAME": "value" } }, with texts as values.',
  });
}
