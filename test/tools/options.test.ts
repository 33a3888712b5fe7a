/** The page of options is what the sources say, says something of each, and lacks none that start-up would take. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { z } from 'zod';
import { compile } from '../../src/pipeline/compile.ts';
import type { PipelineDefinition } from '../../src/pipeline/definition.ts';
import { shared } from '../../src/pipeline/index.ts';
import { optionsPage, sectionsIn } from '../../tools/api/options.ts';
import { checksInstalled } from '../../tools/peers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sections = checksInstalled ? sectionsIn(root) : [];
const optionsOf = (title: string) =>
  sections.filter((section) => section.title.includes(title)).flatMap(({ options }) => options.map(({ name }) => name));

/** The options that start-up takes at a place: it names them all when it is given one that is like none. */
function taken(definition: Record<string, unknown>): string[] {
  try {
    compile(definition as unknown as PipelineDefinition);
  } catch (thrown) {
    const { remedy } = thrown as { remedy?: string };
    return [...(remedy ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name!);
  }
  throw new Error('start-up took an option that nobody knows');
}

const stranger = { qqqqqqqqqqqq: 1 };
const right = {
  name: 'p',
  source: { container: 'landing', prefix: 'p/' },
  row: z.object({ a: z.string() }),
};
const entity = (make: (words: { id: (...given: unknown[]) => unknown }) => unknown) =>
  taken({ ...right, entities: (words: never) => ({ x: make(words) }) });
const people = shared('people', { id: 'person_id', key: { email: z.string() } });

describe.skipIf(!checksInstalled)('docs/options.md', () => {
  it('is what the sources say: npm run docs:options', () => {
    assert.equal(readFileSync(`${root}/docs/options.md`, 'utf8'), optionsPage(root));
  });

  it('says what each option is, and shows it', () => {
    const silent = sections.flatMap(({ title, example, options }) =>
      options
        .filter((option) => option.text === '' || (option.example ?? example) === undefined)
        .map((o) => title + o.name),
    );
    assert.deepEqual(silent, []);
  });

  it('has every option that start-up takes', () => {
    const pipeline = [...optionsOf('Settings of `pipeline`'), ...optionsOf('Rows and entities')];
    const places: [string, string[], string[]][] = [
      ['pipeline', taken({ ...right, ...stranger }), pipeline],
      ['source', taken({ ...right, source: stranger }).map((name) => `source.${name}`), pipeline],
      ['output', taken({ ...right, output: stranger }).map((name) => `output.${name}`), pipeline],
      ['keyed', entity(() => ({ kind: 'keyed', ...stranger })), optionsOf("kind: 'keyed'")],
      ['rows', entity(() => ({ kind: 'rows', ...stranger })), optionsOf("kind: 'rows'")],
      ['shared', entity(() => ({ kind: 'shared', entity: people, ...stranger })), optionsOf("kind: 'shared'")],
      ['id', entity(({ id }) => ({ kind: 'rows', id: id('x', stranger), columns: {} })), optionsOf('Settings of `id`')],
    ];
    for (const [place, options, told] of places) {
      assert.ok(options.length >= 2, `${place}: ${options.join()}`);
      assert.deepEqual(
        options.filter((name) => !told.includes(name)),
        [],
        place,
      );
    }
    const words = sections.map(({ title }) => /^`(\w+)\(/.exec(title)?.[1]);
    const builder = entity((given) => (given as unknown as Record<string, () => unknown>).qqqqqqqqqqqq!());
    assert.deepEqual(
      builder.filter((word) => !words.includes(word)),
      [],
    );
  });
});
