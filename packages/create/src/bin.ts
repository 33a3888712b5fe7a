#!/usr/bin/env node
/**
 * `npm create @ordinal-ids DIR`: writes a thin app of Ordinal, by the code of `ordinal init`. npm runs it from the package.
 * It must do no more: what it says next is for the user to run.
 */
import { InitError, initApp, nextSteps } from '../../../cli/init/init.ts';

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || folder.startsWith('-') || rest.length > 0) {
  console.error('usage: npm create @ordinal-ids@latest DIR');
  process.exitCode = 2;
} else {
  try {
    await initApp(folder);
    for (const line of nextSteps(folder)) console.log(line);
  } catch (thrown) {
    if (!(thrown instanceof InitError)) throw thrown;
    console.error(thrown.message);
    process.exitCode = 1;
  }
}
