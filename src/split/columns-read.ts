/**
 * Which columns of the source a pipeline reads. A unit of rows asks, to decode them, and the rule for chunks that pass
 * unread, to let none of them pass. A new use of a column must be added here.
 */
import type { CompiledPipeline } from '../pipeline/compiled.ts';

/**
 * Contract columns of which some entity needs the values, and not only the bytes. What checks of rows look at comes besides.
 * @param pipeline the pipeline
 * @returns names of the columns
 */
export function columnsRead({ entities, feeds, derived = [], recordTypes }: CompiledPipeline): Set<string> {
  const names = feeds.flatMap((feed) => feed.columns);
  if (recordTypes) names.push(recordTypes.column);
  for (const column of derived) if (column.kind === 'compute') names.push(...column.sources);
  for (const { kind, where, columns } of entities) {
    names.push(...(where?.columns ?? []));
    for (const column of columns) {
      if (column.kind === 'map' || (column.kind === 'copy' && (kind === 'keyed' || where))) names.push(column.source);
      if (column.kind === 'compute') names.push(...column.sources);
    }
  }
  return new Set(names);
}
