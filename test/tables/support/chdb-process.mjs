/**
 * Runs queries in ClickHouse (chdb) and prints their rows. Started with a folder as its working directory, for the engine
 * reads no file outside it. Input on stdin: a JSON array of queries; output: one JSON array or error text for each.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// A package of bench/, which `npm run peers` installs.
const { query } = createRequire(new URL('../../../bench/package.json', import.meta.url))('chdb');

const settings =
  'output_format_json_quote_64bit_integers=1, output_format_json_quote_decimals=1, ' +
  'output_format_decimal_trailing_zeros=1, output_format_json_quote_denormals=1, output_format_json_escape_forward_slashes=0';
const answers = JSON.parse(readFileSync(0, 'utf8')).map((sql) => {
  try {
    const text = query(`${sql} SETTINGS ${settings}`, 'JSONCompact');
    return { rows: JSON.parse(text).data, names: JSON.parse(text).meta.map(({ name }) => name) };
  } catch (thrown) {
    return { error: String(thrown) };
  }
});
process.stdout.write(JSON.stringify(answers));
