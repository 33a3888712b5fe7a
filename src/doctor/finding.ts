/**
 * What the doctor says of one thing that it looked at, as a zod schema: the HTTP API and the command show findings. It
 * holds no check.
 */
import { z } from 'zod';
import { toErrorValue } from '../errors.ts';

export const findingSchema = z.object({
  area: z.enum(['settings', 'storage', 'pipelines', 'triggers', 'versions', 'app']),
  level: z.enum(['ok', 'warning', 'wrong']),
  /** What was looked at: a setting, a container, a function. */
  subject: z.string(),
  says: z.string(),
  remedy: z.string().exactOptional(),
});
export type Finding = z.infer<typeof findingSchema>;
export type Area = Finding['area'];

export const ok = (area: Area, subject: string, says: string): Finding => ({ area, level: 'ok', subject, says });

export const warning = (area: Area, subject: string, says: string, remedy: string): Finding => ({
  area,
  level: 'warning',
  subject,
  says,
  remedy,
});

export const wrong = (area: Area, subject: string, says: string, remedy: string): Finding => ({
  area,
  level: 'wrong',
  subject,
  says,
  remedy,
});

/** An error as a finding. */
export function wrongBy(area: Area, subject: string, thrown: unknown): Finding {
  const { code, message, remedy = 'See docs/errors.md for this code.' } = toErrorValue(thrown);
  return wrong(area, subject, `${code}: ${message}`, remedy);
}
