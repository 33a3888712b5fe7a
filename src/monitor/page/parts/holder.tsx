/** Who holds something, or waits for it: a link to the run, and since when. */
import { href } from '../route.ts';
import type { Holder } from '../types.ts';
import { Text, Time } from './ui.tsx';

export function HolderOf({ of: { owner, runId, since, status } }: { of: Holder }) {
  const name = <Text of={owner} mono />;
  return (
    <span class="holder">
      {runId === undefined ? name : <a href={href(['runs', runId])}>{name}</a>}
      {since !== undefined && (
        <span class="note">
          since <Time of={since} />
        </span>
      )}
      {status !== undefined && status !== 'Running' && <span class="tag bad">{status}</span>}
    </span>
  );
}

export function HolderList({ of }: { of: readonly Holder[] }) {
  if (of.length === 0) return null;
  return (
    <ul class="plain">
      {of.map((one) => (
        <li key={one.owner}>
          <HolderOf of={one} />
        </li>
      ))}
    </ul>
  );
}
