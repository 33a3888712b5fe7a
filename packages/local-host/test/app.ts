/** Activities and an entity that several tests use; importing this registers them. */
import { df } from './harness.ts';

df.app.activity('echo', { handler: (value: unknown) => ({ got: value, type: typeof value }) });
df.app.activity('same', { handler: (value: unknown) => value });
df.app.activity('nothing', { handler: () => undefined });
df.app.activity('bytes', { handler: () => Buffer.from('abc') as never });
df.app.activity('boom', {
  handler: (text: string) => {
    throw new Error(text);
  },
});

const seen = new Set<string>();
/** Fails the first time for each key. */
df.app.activity('failOnce', {
  handler: ({ key }: { key: string }) => {
    if (seen.has(key)) return { ok: true };
    seen.add(key);
    throw new Error('first try');
  },
});

interface Count {
  n: number;
}

df.app.entity<Count>('counter', (context) => {
  const { df: entity } = context;
  const state = entity.getState(() => ({ n: 0 })) ?? { n: 0 };
  const input = entity.getInput<number>() ?? 0;
  switch (entity.operationName) {
    case 'add':
      entity.setState({ n: state.n + input });
      entity.return(state.n + input);
      break;
    case 'throwAfterSet':
      entity.setState({ n: -1 });
      throw new Error('lost');
    case 'returnTwice':
      entity.return('first');
      entity.return('second');
      break;
    case 'forward':
      entity.signalEntity(new df.EntityId('Counter', 'target'), 'add', input);
      break;
    case 'delete':
      entity.destructOnExit();
      break;
    default:
      entity.return(state.n);
  }
});

export function counter(key: string): InstanceType<typeof df.EntityId> {
  return new df.EntityId('Counter', key);
}
