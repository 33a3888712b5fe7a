/** What a driven run has left, as texts that can be compared with another run's. */
import type { Outcome } from './check.ts';

/** All that was published, but for when: names and bytes of files, and the manifests. */
export function publishedBy({ engine }: Pick<Outcome, 'engine'>): [string, string][] {
  const { container } = engine.pipeline.output;
  return engine.store.names(container).map((name) => {
    const bytes = Buffer.from(engine.store.bytes(container, name));
    if (!name.endsWith('.json')) return [name, bytes.toString('hex')];
    const {
      phases: _,
      startedAt: _1,
      finishedAt: _2,
      ...said
    } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    // A version is a number of the store's, which counts all writes.
    // So it is in what a claim of source versions is named after.
    const text = JSON.stringify(said).replaceAll(/"etag":"[^,]*,/g, '');
    return [name, text.replaceAll(/("claim":"[^"]*\/)[0-9a-f]+\.keys"/g, '$1"')];
  });
}

/** The key indexes, which the next run builds on. */
export function indexOf({ engine }: Pick<Outcome, 'engine'>): [string, string][] {
  return engine.store.names('work', 'keys/').map((name) => {
    return [name, Buffer.from(engine.store.bytes('work', name)).toString('hex')];
  });
}
