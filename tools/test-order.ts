/**
 * The order of test files, for `vitest.config.ts`: what takes longest begins first, so that nothing long is left alone at
 * the end. The files of one project follow each other, because a process serves one project only.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const projects = ['browser', 'package', 'demo', 'bench', 'host', 'chaos', 'unit'];
/**
 * Ends of paths. Those that take longest, which nobody knows on a machine that has run no test yet; and those that start
 * many processes or collect garbage again and again, which both take long in a process that has grown.
 */
const first = [
  ...['cli/app', 'arrival/arrival', 'http/api'],
  ...['run/crash', 'run/app-kill', 'run/host', 'run/planted', 'tables/runs'],
  ...['cli/commands', 'cli/project', 'engine/bombs', 'infra/infra', 'engine/memory', 'tools/generate'],
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = first.findIndex((each) => moduleId.endsWith(`${each}.test.ts`));
      return projects.indexOf(project.name) * 100 + (place < 0 ? first.length : place);
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
