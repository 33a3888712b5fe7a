/**
 * Mistakes that only show when a whole pipeline is seen, judged by the type checker: references, columns and sequences
 * that are there twice, schemas that no column can have. `Checked` puts a `Mistake` in the place of what is wrong.
 * `compile` makes the same checks at start-up. `pipeline.ts` uses it. It exists for the type checker alone.
 *
 * An entity that is a literal (`{ kind: 'rows', ... }`) has the mistake at the column. One that `rows(...)` or `keyed(...)`
 * gave has it at the name of the entity: the type checker does not look into the arguments of a call again, for they were
 * typed before all entities were known. There each message begins with the name of the column.
 */
import type { core } from 'zod';
import type {
  KeyedEntity,
  KeyedLiteral,
  RefColumn,
  RowRefColumn,
  RowSchema,
  RowsEntity,
  RowsLiteral,
} from './definition.ts';
import type { OutputType } from './output-type.ts';
import type { ObjectsOf, ShapeOf } from './row-types.ts';

/**
 * What a thing with a mistake is checked against: it lacks a member of this name, and the compiler's message begins with
 * the name of what is missing.
 */
export type Mistake<What extends string> = { readonly [W in What]: never };

/** One member of a union: one mistake at a time is reported, for the compiler puts the types first when there are two. */
type OneOf<U> = (U extends unknown ? (give: () => U) => void : never) extends (give: infer G) => void
  ? G extends () => infer One
    ? One
    : never
  : never;

type KindOf<T> = 0 extends 1 & T
  ? 'value of any type'
  : [T] extends [string]
    ? 'string'
    : [T] extends [number]
      ? 'number'
      : [T] extends [bigint]
        ? 'bigint'
        : [T] extends [boolean]
          ? 'boolean'
          : [T] extends [Date]
            ? 'date'
            : [T] extends [Uint8Array]
              ? 'bytes'
              : 'value of any type';

/** Whether one edit leads from `A` to `B`: a letter put in, taken out or replaced, or two neighbours swapped. */
type IsNear<A extends string, B extends string> = A extends `${infer A1}${infer ARest}`
  ? B extends `${infer B1}${infer BRest}`
    ? A1 extends B1
      ? IsNear<ARest, BRest>
      : ARest extends BRest | B
        ? true
        : A extends BRest
          ? true
          : [ARest, BRest] extends [`${B1}${infer R}`, `${A1}${infer Q}`]
            ? R extends Q
              ? true
              : false
            : false
    : ARest extends ''
      ? true
      : false
  : B extends `${string}${infer BRest}`
    ? BRest extends ''
      ? true
      : false
    : true;

type NearOf<Name extends string, Known> = Known extends string
  ? IsNear<Name, Known> extends true
    ? Known
    : never
  : never;

/** The end of a message: the name that is one edit away, if there is one. */
type DidYouMean<Name extends string, Known> = [NearOf<Name, Known>] extends [never]
  ? ''
  : `; did you mean '${OneOf<NearOf<Name, Known>> & string}'?`;

type NamesOf<E, Kind> = { [N in keyof E & string]: E[N] extends { kind: Kind } ? N : never }[keyof E & string];

/** Key component → kind of its values. */
type KeyKinds<Row, K> = {
  [P in keyof K]: K[P] extends core.$ZodType ? KindOf<NonNullable<core.output<K[P]>>> : KindOfPart<Row, K[P]>;
};

/** Kind of what stands for a component of a key: a source column, or a word that makes it. */
type KindOfPart<Row, Part> = Part extends keyof Row
  ? KindOf<NonNullable<Row[Part]>>
  : Part extends { kind: 'sourceFile' }
    ? 'string'
    : Part extends { kind: 'sourceRow' }
      ? 'number' | 'bigint'
      : Part extends { type: OutputType<infer T> | undefined }
        ? KindOfType<T>
        : AnyKind;

/** A constant without a type is judged at start-up. INT64 and DECIMAL go by several kinds. */
type KindOfType<T> = unknown extends T
  ? AnyKind
  : bigint extends T
    ? 'number' | 'bigint'
    : number extends T
      ? 'number' | (string extends T ? 'string' : never)
      : KindOf<T>;

type AnyKind = 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes';

/** Names that were never given, or were lost to another error: that error is enough. */
type IsWidened<K> = string extends keyof K ? true : false;

type ComponentMistake<Row, Column extends string, Entity extends string, Kinds, M> = {
  [P in keyof Kinds & keyof M & string]: [Extract<KindOfPart<Row, M[P]>, Kinds[P]>] extends [never]
    ? M[P] extends string
      ? `${Column}: key '${P}' of '${Entity}' is a ${Kinds[P] & string}, source column '${M[P]}' is a ${OneOf<KindOfPart<Row, M[P]>> & string}`
      : `${Column}: key '${P}' of '${Entity}' is a ${Kinds[P] & string}, and here a ${OneOf<KindOfPart<Row, M[P]>> & string}`
    : never;
}[keyof Kinds & keyof M & string];

type UnknownKey<Kinds, M> = OneOf<Exclude<keyof M & string, keyof Kinds>>;
type MissingKey<Kinds, M> = OneOf<Exclude<keyof Kinds & string, keyof M>>;

type KeyMistake<Row, Column extends string, Entity extends string, Kinds, M> = true extends
  | IsWidened<Kinds>
  | IsWidened<M>
  ? never
  : [UnknownKey<Kinds, M>] extends [never]
    ? [MissingKey<Kinds, M>] extends [never]
      ? ComponentMistake<Row, Column, Entity, Kinds, M>
      : `${Column}: key '${MissingKey<Kinds, M>}' of '${Entity}' is missing`
    : `${Column}: '${Entity}' has no key '${UnknownKey<Kinds, M>}'${DidYouMean<UnknownKey<Kinds, M>, keyof Kinds>}`;

type RefMistake<Row, E, Column extends string, Entity extends string, M> =
  Entity extends NamesOf<E, 'keyed'>
    ? E[Entity & keyof E] extends { key: infer K }
      ? KeyMistake<Row, Column, Entity, KeyKinds<Row, K>, M>
      : never
    : Entity extends NamesOf<E, 'rows'>
      ? `${Column}: '${Entity}' is a rows entity; use rowRef('${Entity}')`
      : `${Column}: there is no keyed entity '${Entity}'${DidYouMean<Entity, NamesOf<E, 'keyed'>>}`;

type RowRefMistake<E, Column extends string, Entity extends string> =
  Entity extends NamesOf<E, 'rows'>
    ? never
    : Entity extends NamesOf<E, 'keyed'>
      ? `${Column}: '${Entity}' is a keyed entity; use ref('${Entity}', { ... })`
      : `${Column}: there is no rows entity '${Entity}'${DidYouMean<Entity, NamesOf<E, 'rows'>>}`;

/** A key of zod types: no source row belongs to the entity, so none can be read. */
type UnfedMistake<K, C> = [IsWidened<C>, K[keyof K]] extends [false, core.$ZodType]
  ? {
      [P in keyof C & string]: C[P] extends { kind: 'constant' | 'nextId' }
        ? never
        : `${P}: only references bring keys, so there is no source row to read`;
    }[keyof C & string]
  : never;

type ColumnMistakes<Row, E, C> = {
  [P in keyof C & string]: C[P] extends RefColumn<infer Entity, infer M>
    ? RefMistake<Row, E, P, Entity, M>
    : C[P] extends RowRefColumn<infer Entity>
      ? RowRefMistake<E, P, Entity>
      : never;
}[keyof C & string];

/** A name that is known to the type checker, or nothing. */
type Literal<N> = N extends string ? (string extends N ? never : N) : never;

/** The sequence that a column or an entity's ID draws on, where it was named by a literal. */
type SequenceOf<T> = T extends { sequence?: infer S } ? Literal<S> : never;

/** Columns that have the name of the ID or of a key, or the sequence of the ID or of a column beside them. */
type TwiceMistakes<Id, K, C> = Id extends { column: infer Column; settings: infer Settings }
  ?
      | {
          [P in keyof C & string]: P extends Literal<Column>
            ? `${P}: the entity has a column '${P}' twice; it is the ID already`
            : P extends Literal<keyof K>
              ? `${P}: the entity has a column '${P}' twice; it is in the key already`
              : SequenceOf<C[P]> & (SequenceOf<Settings> | SequenceOf<Omit<C, P>[keyof Omit<C, P>]>) extends infer S
                ? [S] extends [never]
                  ? never
                  : `${P}: the entity takes two IDs from sequence '${S & string}'`
                : never;
        }[keyof C & string]
      | (Column extends Literal<keyof K> ? `${Column}: the entity has a column '${Column}' twice: ID and key` : never)
  : never;

type ColumnsOf<Entity> = Entity extends { columns?: infer C } ? NonNullable<C> : unknown;

/** What a call has seen where it stands, and a literal has not: names of source columns, and words in the wrong place. */
type LiteralMistakes<Row, Kind, C> = {
  [P in keyof C & string]: C[P] extends string
    ? Kind extends 'keyed'
      ? `${P}: a keyed entity has one row for many source rows; use first('${C[P]}')`
      : SourceMistake<Row, P, C[P]>
    : C[P] extends { kind: 'first' }
      ? Kind extends 'rows'
        ? `${P}: first() belongs to keyed entities; use the name of the source column alone`
        : never
      : C[P] extends { kind: 'rowRef' }
        ? Kind extends 'keyed'
          ? `${P}: rowRef() belongs to rows entities`
          : never
        : never;
}[keyof C & string];

type SourceMistake<Row, At extends string, Name extends string> = Name extends keyof Row
  ? never
  : `${At}: the row contract has no column '${Name}'${DidYouMean<Name, keyof Row>}`;

type EntityMistakes<Row, E, Entity> = Entity extends { kind: 'keyed'; key: infer K; id: infer Id }
  ?
      | ColumnMistakes<Row, E, ColumnsOf<Entity>>
      | UnfedMistake<K, ColumnsOf<Entity>>
      | TwiceMistakes<Id, K, ColumnsOf<Entity>>
  : Entity extends { id: infer Id; columns: infer C }
    ? ColumnMistakes<Row, E, C> | TwiceMistakes<Id, unknown, C>
    : never;

type EntityChecked<Entity, Mistakes extends string> = [Mistakes] extends [never]
  ? Entity
  : Mistake<OneOf<Mistakes> & string>;

/** The text of the mistakes of one column, without the column's name. */
type OwnMistake<Mistakes, P extends string> = Mistakes extends `${P}: ${infer Text}` ? Text : never;

type PartsChecked<Parts, Mistakes> = {
  [P in keyof Parts]: EntityChecked<Parts[P], OwnMistake<Mistakes, P & string>>;
};

type KeyChecked<Row, K> = {
  [P in keyof K]: K[P] extends string ? EntityChecked<K[P], OwnMistake<SourceMistake<Row, 'key', K[P]>, 'key'>> : K[P];
};

type OptionsOfLiteral<Kind> = Kind extends 'keyed' ? keyof KeyedLiteral : keyof RowsLiteral;

/** A literal with a `Mistake` in the place of each column, part of a key or option that has one. */
type LiteralChecked<Row, X, Kind, Mistakes> = {
  [O in keyof X]: O extends 'columns'
    ? PartsChecked<X[O], Mistakes | LiteralMistakes<Row, Kind, ColumnsOf<X>>>
    : O extends 'key'
      ? KeyChecked<Row, X[O]>
      : O extends OptionsOfLiteral<Kind>
        ? X[O]
        : Mistake<`there is no option '${O & string}'${DidYouMean<O & string, OptionsOfLiteral<Kind>>}`>;
};

type OneChecked<Row, E, X> = X extends KeyedEntity | RowsEntity
  ? EntityChecked<X, EntityMistakes<Row, E, X>>
  : X extends { kind: infer Kind }
    ? LiteralChecked<Row, X, Kind, EntityMistakes<Row, E, X>>
    : X;

/** The entities themselves, with a `Mistake` in the place of what has one: a column of a literal, or a whole entity. */
export type Checked<Row, E> = { [N in keyof E]: OneChecked<Row, E, E[N]> };

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
export type CheckedRow<S extends RowSchema> = EntityChecked<S, ContractMistakes<ObjectsOf<S>>>;
