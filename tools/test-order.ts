/**
 * The order of test files, for `vitest.config.ts`: what takes longest begins first, so that nothing long is left alone at
 * the end. The files of one project follow each other, because a process serves one project only.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const projects = ['host', 'chaos', 'unit'];
/** On a machine that has run no test yet, nobody knows. Ends of paths, the longest first. */
const long = ['monitor/page', 'package/install', 'cli/app', 'arrival/arrival', 'http/api', 'run/crash', 'run/planted'];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = long.findIndex((each) => moduleId.endsWith(`${each}.test.ts`));
      return projects.indexOf(project.name) * 100 + (place < 0 ? long.length : place);
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
