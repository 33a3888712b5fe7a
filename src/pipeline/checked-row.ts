/**
 * Schemas that no column can have, judged by the type checker where the row contract stands. `compile` makes the same checks
 * at start-up. `pipeline.ts` uses it. It exists for the type checker alone.
 */
import type { RowSchema } from './definition.ts';
import type { Verdict } from './mistake.ts';
import type { ObjectsOf, ShapeOf } from './row-types.ts';

interface NoColumn {
  array: 'z.array() is not a column: name flat columns only';
  record: 'z.record() is not a column: name flat columns only';
  tuple: 'z.tuple() is not a column: name flat columns only';
  map: 'z.map() is not a column: name flat columns only';
  set: 'z.set() is not a column: name flat columns only';
  default: '.default() never applies, for a column holds nulls: use .nullable(), and replace nulls in a map column';
  prefault: '.prefault() never applies, for a column holds nulls: use .nullable(), and replace nulls in a map column';
  catch: '.catch() would hide invalid values: use onInvalid to set such rows aside';
}

type KindOfSchema<F> = F extends { _zod: { def: { type: infer T; innerType?: infer I } } }
  ? T extends 'nullable' | 'optional'
    ? KindOfSchema<I>
    : T
  : never;

type ShapeMistakes<Shape, Within extends string> = {
  [P in keyof Shape & string]: KindOfSchema<Shape[P]> extends infer T
    ? [T] extends [keyof NoColumn]
      ? `${Within}${P}: ${NoColumn[T]}`
      : [T] extends ['object']
        ? ShapeMistakes<ShapeIn<Shape[P]>, `${Within}${P}.`>
        : never
    : never;
}[keyof Shape & string];

type ShapeIn<F> = F extends { _zod: { def: { innerType: infer I } } } ? ShapeIn<I> : ShapeOf<F>;

type ContractMistakes<O> = O extends unknown ? ShapeMistakes<ShapeOf<O>, ''> : never;

/** The row contract itself, or a `Mistake` where a column has a schema that no column can have. */
export type CheckedRow<S extends RowSchema> = Verdict<S, ContractMistakes<ObjectsOf<S>>>;
