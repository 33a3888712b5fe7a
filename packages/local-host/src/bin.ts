#!/usr/bin/env node
/**
 * The command `local-host`: its first word says what to run, and the rest are options of that. npm links it, and the
 * repository's `npm start` runs it from its sources. It must leave the options to what it runs.
 */
import { usage } from './cli.ts';

const [word] = process.argv.slice(2);
if (word === 'host' || word === 'func') process.argv.splice(2, 1);
if (word === 'host') await import('./main.ts');
else if (word === 'func') await import('./start-func.ts');
else if (word === '--help' || word === undefined || word.startsWith('-')) {
  if (word === '--help') console.log(usage);
  else await import('./start.ts');
} else {
  console.error(`local-host: there is no command "${word}".\n\n${usage}`);
  process.exitCode = 2;
}
