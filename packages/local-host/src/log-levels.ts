/** Log levels by category, as `logging.logLevel` of host.json sets them. The logger and the settings use it. */
import type { LogLevel } from './worker/protocol.ts';

/** The least level that is written, by category, as `logging.logLevel` of host.json gives it; `none` writes nothing. */
export type LogLevels = ReadonlyMap<string, LogLevel | 'none'>;

export const logLevelNames = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'] as const;

/** Azure's names of what this host logs: `Function.NAME.User` is what a function logs, `Host.…` all else. */
export function azureCategory(category: string, functionName: string | undefined): string {
  if (functionName !== undefined)
    return category === 'user' ? `Function.${functionName}.User` : `Function.${functionName}`;
  return category === 'durable' ? 'Host.Triggers.DurableTask' : `Host.${category}`;
}

/** The level of this category or of the nearest category above it; else the default level. */
export function leastLevel(levels: LogLevels, category: string): LogLevel | 'none' {
  const parts = category.split('.');
  for (let length = parts.length; length > 0; length--) {
    const found = levels.get(parts.slice(0, length).join('.').toLowerCase());
    if (found !== undefined) return found;
  }
  return levels.get('default') ?? 'information';
}
