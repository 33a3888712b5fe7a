/**
 * Answers queries by ClickHouse (chdb): a line of stdin is a JSON array of queries, and a line of stdout has their answers:
 * a result's text, or an error's. Started with a folder as its working directory, for the engine reads no file outside it.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// A package of bench/, which `npm run peers` installs.
const { query } = createRequire(new URL('../../../bench/package.json', import.meta.url))('chdb');

const settings =
  'output_format_json_quote_64bit_integers=1, output_format_json_quote_decimals=1, ' +
  'output_format_decimal_trailing_zeros=1, output_format_json_quote_denormals=1, output_format_json_escape_forward_slashes=0';

function answer(sql) {
  try {
    return { text: query(`${sql} SETTINGS ${settings}`, 'JSONCompact') };
  } catch (thrown) {
    return { error: String(thrown) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(JSON.parse(line).map(answer))}\n`);
}
