/**
 * Checks across columns: `.refine()` of a row. They run for each row that its columns have not refused, and see the row as
 * an object whose members are read when they are asked for. `contract.ts` compiles them; the split, the preview and
 * `verify` run them. They may only refuse a row, never change it.
 */
import { core, z } from 'zod';
import type { RecordType, RowCheck } from './compiled.ts';
import { isAsync, refuse } from './refuse.ts';
import type { Field } from './row-fields.ts';

/** The column that is named where a check is about no column in particular. */
const wholeRow = 'row';

/**
 * Compiles the checks of one row schema.
 * @param checks the checks of a zod object or union
 * @param fields the columns that they see
 * @param types the record types that they are for; undefined for all rows
 * @returns one check for all of them; none when there are none
 * @throws `InvalidPipeline` at `row`, for an async check and for one that changes the row
 */
export function compileRowCheck(
  checks: readonly core.$ZodCheck[],
  fields: readonly Field[],
  types: RecordType[] | undefined,
): RowCheck[] {
  if (checks.length === 0) return [];
  const plain: ((row: object) => unknown)[] = [];
  for (const { _zod } of checks) {
    const def = _zod.def as core.$ZodCheckDef & { fn?: unknown; when?: unknown };
    if (isAsync(def.fn) || isAsync(_zod.check)) {
      refuse('row', 'has an async check', 'Use a plain function: rows are checked at once.');
    }
    if (def.check === 'overwrite')
      refuse('row', 'is changed as a whole', 'Leave it out, and change columns: each has a schema.');
    if (def.check === 'custom' && typeof def.fn === 'function' && def.when === undefined)
      plain.push(def.fn as (row: object) => unknown);
  }
  const names = fields.map(({ name }) => name);
  const schema = z.any().check(...(checks as core.$ZodCheck<unknown>[]));
  return [
    {
      ...(types && { types }),
      columns: fields.map(({ name, path, schema: own }) => ({ name, path, absent: absentAs(own) })),
      test(row) {
        if (plain.length === checks.length && passesAll(plain, row)) return [];
        return complaints(schema, row, names);
      },
    },
  ];
}

/** Zod itself is asked only where a function says no, or throws: it makes the message. */
function passesAll(plain: readonly ((row: object) => unknown)[], row: object): boolean {
  try {
    return plain.every((fn) => fn(row) === true);
  } catch {
    return false;
  }
}

function complaints(
  schema: core.$ZodType,
  row: object,
  names: readonly string[],
): { column: string; reason: string }[] {
  try {
    const result = core.safeParse(schema, row);
    if (result.success) return [];
    return result.error.issues.map(({ path, message }) => ({ column: columnAt(path, names), reason: message }));
  } catch (thrown) {
    if (thrown instanceof core.$ZodAsyncError) return [{ column: wholeRow, reason: 'the check is asynchronous' }];
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return [{ column: wholeRow, reason: `the check threw: ${message}` }];
  }
}

function columnAt(path: readonly PropertyKey[], names: readonly string[]): string {
  for (let length = path.length; length > 0; length--) {
    const name = path.slice(0, length).map(String).join('.');
    if (names.includes(name)) return name;
  }
  return wholeRow;
}

/** A schema that takes undefined and not null has been given undefined: that is what its output says. */
function absentAs(schema: core.$ZodType): null | undefined {
  let absent: null | undefined = null;
  for (let inner: core.$ZodType | undefined = schema; inner; ) {
    const def = inner._zod.def as core.$ZodTypeDef & { innerType?: core.$ZodType };
    if (def.type === 'nullable') return null;
    if (def.type !== 'optional') break;
    absent = undefined;
    inner = def.innerType;
  }
  return absent;
}

/**
 * A row as a check sees it: made once for many rows.
 * @param columns the columns that the check sees
 * @param valueIn gives a column's value in the present row, null for null
 * @returns an object with a member for each column, nested as the contract is; a group whose columns are all null is null
 */
export function rowObject(columns: RowCheck['columns'], valueIn: (column: string) => unknown): object {
  const row: Record<string, unknown> = {};
  const groups = new Map<string, Record<string, unknown>>();
  for (const { name, path, absent } of columns) {
    let owner = row;
    for (let depth = 1; depth < path.length; depth++) {
      const group = path.slice(0, depth).join('.');
      let object = groups.get(group);
      if (!object) {
        object = {};
        groups.set(group, object);
        defineGroup(owner, path[depth - 1]!, object, columns, group, valueIn);
      }
      owner = object;
    }
    Object.defineProperty(owner, path.at(-1)!, { enumerable: true, get: () => valueIn(name) ?? absent });
  }
  return row;
}

function defineGroup(
  owner: Record<string, unknown>,
  name: string,
  object: Record<string, unknown>,
  columns: RowCheck['columns'],
  group: string,
  valueIn: (column: string) => unknown,
): void {
  const within = columns.filter((column) => column.name.startsWith(`${group}.`)).map((column) => column.name);
  const get = () => (within.every((column) => (valueIn(column) ?? null) === null) ? null : object);
  Object.defineProperty(owner, name, { enumerable: true, get });
}
