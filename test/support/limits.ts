import { limits } from '../../src/limits.ts';

type Numbers = { -readonly [K in keyof typeof limits as (typeof limits)[K] extends number ? K : never]?: number };

/** Does the work under other limits, and puts those back that were. */
export async function underLimits<T>(changes: Numbers, work: () => Promise<T>): Promise<T> {
  const open = limits as unknown as Record<string, unknown>;
  const before = Object.fromEntries(Object.keys(changes).map((name) => [name, open[name]]));
  Object.assign(open, changes);
  try {
    return await work();
  } finally {
    Object.assign(open, before);
  }
}
