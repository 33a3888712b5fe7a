/** The pointer to a pipeline's newest manifest, `_latest.json`. Views are written with it; a plan asks what was before. */
import { z } from 'zod';

/** `_latest.json`: the newest run's manifest. */
export const latestSchema = z.object({
  version: z.literal(1),
  pipeline: z.string(),
  runId: z.string(),
  life: z.int(),
  finishedAt: z.string(),
  manifest: z.string(),
});
export type Latest = z.infer<typeof latestSchema>;
