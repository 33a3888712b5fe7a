/**
 * The one place that reads settings (environment variables; `local.settings.json` locally). Past it, values are
 * trusted. Names follow the Functions conventions: `X` is a connection string, `X__blobServiceUri` an identity-based
 * connection.
 */
import { z } from 'zod';
import { OrdinalError } from './errors.ts';
import type { StorageConnection } from './storage/azure.ts';

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const containerName = z.string().regex(/^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}$/, 'is not a container name');

const schema = z.object({
  /** Where source and published blobs live. @default the Functions storage account */
  ORDINAL_STORAGE: z.string().optional(),
  ORDINAL_STORAGE__blobServiceUri: z.url().optional(),
  ORDINAL_STORAGE__clientId: z.string().optional(),
  AzureWebJobsStorage: z.string().optional(),
  AzureWebJobsStorage__blobServiceUri: z.url().optional(),
  AzureWebJobsStorage__clientId: z.string().optional(),
  /** Container for work in progress and the key index. */
  ORDINAL_WORK_CONTAINER: containerName.default('ordinal'),
  /** Source rows that a batch aims at: whole row groups are added while they fit. */
  ORDINAL_BATCH_ROWS: integer(1, 64_000_000).default(250_000),
  /** Source rows that one output file aims at. */
  ORDINAL_PART_ROWS: integer(1, 1_000_000_000).default(5_000_000),
  /** Requests that one activity keeps in flight. */
  ORDINAL_REQUESTS_IN_FLIGHT: integer(1, 64).default(8),
});

export interface Config {
  storage: StorageConnection;
  workContainer: string;
  batchRowsTarget: number;
  partRowsTarget: number;
  requestsInFlight: number;
}

/** Parses settings. Throws `InvalidSettings` that names the setting. */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OrdinalError('InvalidSettings', `setting ${issue?.path.join('.')}: ${issue?.message}`, {
      where: { field: String(issue?.path[0] ?? '') },
      remedy: 'Correct it in the app settings, or in local.settings.json.',
    });
  }
  const s = parsed.data;
  return {
    storage: connectionOf(s),
    workContainer: s.ORDINAL_WORK_CONTAINER,
    batchRowsTarget: s.ORDINAL_BATCH_ROWS,
    partRowsTarget: s.ORDINAL_PART_ROWS,
    requestsInFlight: s.ORDINAL_REQUESTS_IN_FLIGHT,
  };
}

function connectionOf(s: z.infer<typeof schema>): StorageConnection {
  if (s.ORDINAL_STORAGE) return { connectionString: s.ORDINAL_STORAGE };
  if (s.ORDINAL_STORAGE__blobServiceUri) {
    return {
      blobServiceUri: s.ORDINAL_STORAGE__blobServiceUri,
      ...(s.ORDINAL_STORAGE__clientId && { clientId: s.ORDINAL_STORAGE__clientId }),
    };
  }
  if (s.AzureWebJobsStorage) return { connectionString: s.AzureWebJobsStorage };
  if (s.AzureWebJobsStorage__blobServiceUri) {
    return {
      blobServiceUri: s.AzureWebJobsStorage__blobServiceUri,
      ...(s.AzureWebJobsStorage__clientId && { clientId: s.AzureWebJobsStorage__clientId }),
    };
  }
  throw new OrdinalError('InvalidSettings', 'no storage account is configured', {
    where: { field: 'ORDINAL_STORAGE' },
    remedy: 'Set ORDINAL_STORAGE or AzureWebJobsStorage, or their identity-based forms with __blobServiceUri.',
  });
}
