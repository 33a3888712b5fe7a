/**
 * What worker threads load in tests: the pipeline of the scenario that the module's URL has in its query; without one, a
 * pipeline that ends the thread when it reads the word "end".
 */
import { isMainThread } from 'node:worker_threads';
import { z } from 'zod';
import { compile } from '../../../src/pipeline/compile.ts';
import { pipeline, type } from '../../../src/pipeline/index.ts';
import { pipelineOf, type Scenario } from './scenarios.ts';

/** The URL that gives threads this scenario's pipeline. */
export function moduleOf(scenario: Scenario | undefined): string {
  const url = new URL(import.meta.url);
  if (scenario) url.searchParams.set('scenario', JSON.stringify(scenario));
  return url.href;
}

export const endingPipeline = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ word: z.string().max(9) }),
    entities: ({ id, ref, map }) => ({
      words: { kind: 'keyed', id: id('word_id'), key: { word: 'word' } },
      all: {
        kind: 'rows',
        id: id('row_id'),
        columns: {
          word_id: ref('words', { word: 'word' }),
          length: map('word', (word) => (word === 'end' && !isMainThread ? process.exit(3) : word.length), type.int32),
        },
      },
    }),
  }),
);

const asked = new URL(import.meta.url).searchParams.get('scenario');

export const pipelines = new Map([['p', asked === null ? endingPipeline : pipelineOf(JSON.parse(asked) as Scenario)]]);
