#!/usr/bin/env node
/**
 * The command `local-host`: its first word says what to run, and the rest are options of that. npm links it, and the
 * repository's `npm start` runs it from its sources. It must leave the options to what it runs.
 */
import { usage } from './cli.ts';

const [word] = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  console.error(
    `Node ${process.versions.node} runs this, and the local host needs 22.13 or later. Install Node 24, or the newest 22.`,
  );
  process.exit(1);
}
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
