/**
 * The command `init`: writes a thin app into a folder. `../init/init.ts` does the work, as it does for `npm create`. It
 * never writes over a file.
 */
import { defineCommand, UsageError } from '../command.ts';

export const initCommand = defineCommand({
  name: 'init',
  summary: 'Write a thin app into a new folder: an example pipeline, its test, settings, a deployment',
  needs: [],
  details: 'The folder must be new or empty. npm create @ordinal-ids does the same.',
  examples: [['init my-app', 'then: cd my-app, npm install, npm test, npm start']],
  configure: (command) =>
    command
      .argument('<folder>', 'where the app is written')
      .option(
        '--packages <folder>',
        'archives of the packages, as npm run packages makes them, instead of the registry',
      ),
  work: async (_given, { packages }, folder) => {
    const { InitError, initApp, nextSteps } = await import('../init/init.ts');
    try {
      const written = await initApp(folder, packages === undefined ? {} : { packages });
      return { show: nextSteps(folder), value: { folder, written } };
    } catch (thrown) {
      throw thrown instanceof InitError ? new UsageError(thrown.message) : thrown;
    }
  },
});
