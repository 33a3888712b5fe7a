/** The entity shell against the SDK's real `Entity` class: what the bare SDK does with hostile batches, and what we do. */
import assert from 'node:assert/strict';
import type { EntityContext } from 'durable-functions';
import { describe, test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { leaseEntity, runOperation, sequenceEntity } from '../../src/sequence/adapter.ts';
import type { SequenceState } from '../../src/sequence/state.ts';
import { type BatchEntry, deliver } from './entity.ts';
import { importWithBug, type PlantedBug } from './planted.ts';

interface Counter {
  next: number;
}
const rangeOf = (first: number, count: number) => ({ ok: true, first, last: first + count - 1 });

const options = { start: '1', step: '1' };
const reserve = (owner: string, count: number | string): BatchEntry => ['reserve', { owner, count, ...options }];
const firstIds = (answers: unknown[]) =>
  answers.map((answer) => (answer as { ranges?: { first: string }[] }).ranges?.[0]?.first ?? 'refused');

describe('the bare SDK, with a counter as one would write it', () => {
  /** Reserves `count` IDs; `trap` is what goes wrong on the way. */
  function naive({ df }: EntityContext<Counter>): void {
    const { count, trap } = df.getInput<{ count: number; trap?: string }>()!;
    const { next } = df.getState(() => ({ next: 1 }))!;
    df.setState({ next: next + count });
    if (trap === 'throw') throw new Error('storage is down');
    if (trap === 'bigint') df.return({ first: BigInt(next) });
    else df.return(rangeOf(next, count));
    if (trap === 'twice') df.return(rangeOf(next, count));
  }
  const ask = (count: number, trap?: string): BatchEntry => ['reserve', { count, trap }];

  test('a double return gives the next caller the range of the one before', async () => {
    const { answers } = await deliver(naive, [ask(10, 'twice'), ask(5), ask(7)]);
    assert.deepEqual(answers, [rangeOf(1, 10), rangeOf(1, 10), rangeOf(11, 5)]);
  });

  test('a throw after setState keeps the state and loses the message: IDs that nobody got', async () => {
    const { answers, state } = await deliver(naive, [ask(10, 'throw'), ask(5)]);
    assert.deepEqual(answers, [{}, rangeOf(11, 5)]);
    assert.equal(state, '{"next":16}');
  });

  test('a bigint in the answer does the same', async () => {
    const { answers, state } = await deliver(naive, [ask(10, 'bigint'), ask(5)]);
    assert.deepEqual(answers, [{}, rangeOf(11, 5)]);
    assert.equal(state, '{"next":16}');
  });
});

describe('the shell around a hostile reducer', () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  /** What a reducer may do wrong, as the (state, result) that it gives. Each claims to have advanced the state. */
  const hostile: Record<string, () => unknown> = {
    throw: () => {
      throw new Error('boom');
    },
    throwNothing: () => {
      throw undefined;
    },
    bigintInState: () => ({ state: { next: 99n }, result: { ok: true } }),
    bigintInResult: () => ({ state: { next: 99 }, result: { ok: true, first: 1n } }),
    cyclicState: () => ({ state: cyclic, result: { ok: true } }),
    cyclicResult: () => ({ state: { next: 99 }, result: { ok: true, cyclic } }),
    toJsonThrows: () => ({ state: { next: 99 }, result: { ok: true, toJSON: () => hostile.throw?.() } }),
    undefinedInResult: () => ({ state: { next: 99 }, result: { ok: true, first: undefined } }),
    notANumber: () => ({ state: { next: Number.NaN }, result: { ok: true } }),
    dateInState: () => ({ state: { next: new Date(0) }, result: { ok: true } }),
    nullState: () => ({ state: null, result: { ok: true } }),
    textState: () => ({ state: 'gone', result: { ok: true } }),
    noResult: () => ({ state: { next: 99 }, result: undefined }),
    promise: () => Promise.resolve({ state: { next: 99 }, result: { ok: true } }),
    promisedResult: () => ({ state: { next: 99 }, result: Promise.resolve({ ok: true }) }),
    nothing: () => undefined,
  };

  type RunOperation = typeof runOperation<Counter>;

  /** Delivers a hostile operation between two good ones and checks that nobody is the worse for it. */
  async function survives(run: RunOperation, name: string): Promise<void> {
    const handler = (context: EntityContext<Counter>) =>
      run(context, (state, operation) => {
        const { kind, count } = operation as { kind: string; count: number };
        if (kind !== 'reserve') return hostile[kind]?.() as { state: Counter; result: { ok: true } };
        const next = state?.next ?? 1;
        return { state: { next: next + count }, result: rangeOf(next, count) as { ok: true } };
      });
    const batch: BatchEntry[] = [
      ['reserve', { count: 10 }],
      [name, null],
      [name, {}],
      ['reserve', { count: 5 }],
    ];
    const { answers, state, isError } = await deliver(handler, batch);
    assert.deepEqual([answers[0], answers[3]], [rangeOf(1, 10), rangeOf(11, 5)]);
    assert.equal(state, '{"next":16}');
    for (const answer of answers.slice(1, 3) as { ok: boolean; error: { code: string; message: string } }[]) {
      assert.equal(answer.ok, false);
      assert.equal(answer.error.code, 'Internal');
      assert.match(answer.error.message, /^sequence orders: ./);
    }
    assert.deepEqual(isError, [false, false, false, false]);
  }

  for (const name of Object.keys(hostile)) {
    test(`${name}: an error value for its caller, nothing lost, nobody else's range`, () =>
      survives(runOperation, name));
  }

  const planted: (PlantedBug & { by: string })[] = [
    {
      name: 'values are not proven before they are written',
      by: 'bigintInResult',
      file: 'adapter.ts',
      find: 'const copy = JSON.parse(JSON.stringify(value)) as T;',
      replace: 'const copy = value;',
    },
    {
      name: 'values that JSON alters pass',
      by: 'notANumber',
      file: 'adapter.ts',
      find: 'isDeepStrictEqual(copy, value)',
      replace: 'copy',
    },
    {
      name: 'the answer is given twice',
      by: 'throw',
      file: 'adapter.ts',
      find: '  df.return(result);\n',
      replace: '  df.return(result);\n  if (!result.ok) df.return(result);\n',
    },
    {
      name: 'an error is thrown on',
      by: 'throw',
      file: 'adapter.ts',
      find: 'return { state: before, result: named(',
      replace: 'throw thrown;\n    return { state: before, result: named(',
    },
  ];
  for (const bug of planted) {
    test(`a planted bug is caught: ${bug.name}`, async () => {
      const { runOperation: wrong } = await importWithBug<{ runOperation: RunOperation }>('adapter.ts', bug);
      await assert.rejects(survives(wrong, bug.by), assert.AssertionError);
    });
  }
});

describe('the sequence entity', () => {
  test('a batch of hostile requests: each gets its own error, the others their own ranges', async () => {
    const batch: BatchEntry[] = [
      reserve('run-1', 10),
      ['reserve', null],
      ['reserve', '{"owner":'],
      ['reserve', '"run-x"'],
      ['reserve', '[1,2]'],
      ['reserve', '0'],
      reserve('run-x', -1),
      reserve('run-x', 1.5),
      reserve('run-x', 2 ** 60),
      reserve('run-x', '9223372036854775808'),
      reserve('run-x', '1e3'),
      reserve('run-x', ' 7'),
      reserve('', 1),
      reserve('run x', 1),
      reserve('x'.repeat(limits.lifeIdLengthMax + 1), 1),
      ['reserve', { owner: 'run-x', count: 1, start: '1', step: '0' }],
      ['reserve', { owner: 'run-x', count: 1, start: '1', step: '1', more: true }],
      ['reserve', '{"owner":"run-x","count":1,"start":"1","step":"1","__proto__":{"count":9}}'],
      ['reserve', { owner: 'run-x', count: 1, start: '2', step: '1' }],
      reserve('run-x', '9223372036854775807'),
      ['constructor', {}],
      ['__proto__', {}],
      ['RESERVE', { owner: 'run-x', count: 1, ...options }],
      ['commit', { kind: 'reserve', owner: 'run-2', count: 5, ...options }],
      ['commit', { owner: 'nobody' }],
      reserve('run-2', '5'),
    ];
    const { answers, state, isError } = await deliver(sequenceEntity, batch);
    const refused = Array<string>(batch.length - 2).fill('refused');
    assert.deepEqual(firstIds(answers), ['1', ...refused, '11']);
    for (const answer of answers.slice(1, -1)) {
      const { error } = answer as { error: { code: string; message: string } };
      assert.match(error.message, /^sequence orders: ./);
    }
    assert.ok(isError.every((flag) => !flag));
    assert.equal((JSON.parse(state!) as SequenceState).next, '16');
  });

  test('setState once, then return once, in every operation, whatever it is', async () => {
    const calls: string[][] = [];
    function spied(context: EntityContext<SequenceState>): void {
      const { df } = context;
      const made: string[] = [];
      calls.push(made);
      const { setState, return: answer } = df;
      df.setState = (state) => {
        made.push('setState');
        setState(state);
      };
      df.return = (result) => {
        made.push('return');
        answer(result);
      };
      sequenceEntity(context);
    }
    await deliver(spied, [reserve('run-1', 3), ['nonsense', null], ['reserve', '{"'], ['release', { owner: 'run-1' }]]);
    assert.deepEqual(calls, Array(4).fill(['setState', 'return']));
  });

  test('being asked does not bring a sequence into being', async () => {
    const { exists, state, answers } = await deliver(sequenceEntity, [
      ['show', null],
      ['release', { owner: 'run-1' }],
      ['commit', { owner: 'run-1' }],
      reserve('run-1', -5),
    ]);
    assert.deepEqual({ exists, state }, { exists: false, state: undefined });
    assert.deepEqual(
      answers.map((answer) => (answer as { ok: boolean }).ok),
      [true, true, false, false],
    );
    const then = await deliver(sequenceEntity, [['show', null], reserve('run-1', 5), ['show', null]]);
    assert.deepEqual(
      then.answers.map((answer) => (answer as { exists?: boolean }).exists),
      [false, undefined, true],
    );
    assert.equal(then.exists, true);
  });

  for (const [what, why, state, code = 'Internal'] of [
    ['is not JSON', /JSON/, '{"version":1,'],
    ['is of another shape', /not a sequence/, '{"next":7}'],
    [
      'is of a version to come',
      /is of version 2, and this Ordinal reads up to 1/,
      '{"version":2,"start":"1","step":"1","next":"1","floor":"1","free":[],"open":[],"finished":[]}',
      'NewerVersion',
    ],
    [
      'holds an ID twice',
      /no ID is in two places/,
      '{"version":1,"start":"1","step":"1","next":"9","floor":"1","free":[{"first":"1","count":"4"}],"open":[{"owner":"a","attempt":0,"ranges":[{"first":"4","count":"2"}]}],"finished":[]}',
    ],
    [
      'reaches beyond next',
      /no range reaches beyond next/,
      '{"version":1,"start":"1","step":"1","next":"3","floor":"1","free":[],"open":[{"owner":"a","attempt":0,"ranges":[{"first":"1","count":"3"}]}],"finished":[]}',
    ],
    [
      'lies off its steps',
      /a range lies on the sequence/,
      '{"version":1,"start":"1","step":"2","next":"9","floor":"1","free":[{"first":"2","count":"1"}],"open":[],"finished":[]}',
    ],
  ] as const) {
    test(`a stored state that ${what} is refused and left as it is`, async () => {
      const after = await deliver(sequenceEntity, [reserve('run-1', 5), ['show', null]], { state, exists: true });
      assert.equal(after.state, state);
      assert.equal(after.exists, true);
      for (const answer of after.answers) {
        const { error } = answer as { error: { code: string; message: string } };
        assert.equal(error.code, code);
        assert.match(error.message, why);
      }
    });
  }

  test('the state lives on from batch to batch as the host stores it', async () => {
    const one = await deliver(sequenceEntity, [reserve('run-1', 5)]);
    const two = await deliver(sequenceEntity, [['release', { owner: 'run-1' }], reserve('run-2', 3)], one);
    assert.deepEqual(two.answers[1], {
      ok: true,
      owner: 'run-2',
      count: '3',
      ranges: [{ first: '1', count: '3' }],
      before: '1',
      after: '4',
    });
  });
});

test('the lease entity: one batch, one holder, and hostile requests change nothing', async () => {
  const { answers, state } = await deliver(leaseEntity, [
    ['acquire', { owner: 'run-1', attempt: 7 }],
    ['acquire', { owner: 'run-2' }],
    ['acquire', null],
    ['steal', { owner: 'run-2' }],
    ['evict', { holder: 'run-1', owner: 'run-2' }],
    ['evict', { holder: 'run-1', attempt: 7, owner: 'run-2' }],
    ['acquire', { owner: 'run-2' }],
  ]);
  assert.deepEqual(
    answers.map((answer) => (answer as { granted?: boolean }).granted ?? 'refused'),
    [true, false, 'refused', 'refused', false, true, true],
  );
  assert.deepEqual(JSON.parse(state!), { version: 1, term: 2, line: [{ owner: 'run-2', attempt: 0 }] });
});
