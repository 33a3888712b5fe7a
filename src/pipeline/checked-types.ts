/**
 * Mistakes that only show when all entities are seen, judged by the type checker: names, references, columns and sequences
 * that are there twice, functions that do not take what the rows have. `Checked` puts a mistake in the place of what is
 * wrong. `compile` makes the same checks at start-up. `pipeline.ts` uses it. It exists for the type checker alone.
 */
import type { core } from 'zod';
import type { RowSchema } from './definition.ts';
import type { KeyedLiteral, RowsLiteral, SharedLiteral } from './entity.ts';
import type { DidYouMean, Mistake, Verdict } from './mistake.ts';
import type { OutputType } from './output-type.ts';
import type { RecordTypeOf, RowOf, RowOfType } from './row-types.ts';
import type { SharedEntity } from './shared-entity.ts';
import type { ComputeColumn, FirstColumn, MapColumn, RefColumn, RowRefColumn, Where } from './words.ts';

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

type AnyKind = 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes';

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

/** Key component → kind of its values. */
type KeyKinds<Row, K> = {
  [P in keyof K]: K[P] extends core.$ZodType ? KindOf<NonNullable<core.output<K[P]>>> : KindOfPart<Row, K[P]>;
};

/** The key as the entity that declares it has it. */
type KeyOf<X> = X extends { entity: SharedEntity<string, infer K> } ? K : X extends { key: infer K } ? K : never;

/** Names that were never given, or were lost to another error: that error is enough. */
type IsWidened<K> = string extends keyof K ? true : false;

/** Source columns by name, as the rows of an entity have them; `All` are those of all record types. */
type NameMistake<All, Row, Name> = Name extends keyof Row
  ? never
  : Name extends keyof All
    ? `rows of these record types have no column '${Name & string}'`
    : `the row contract has no column '${Name & string}'${DidYouMean<Name, keyof Row>}`;

/** What the function of a word does not take, of what the rows have. */
type TakesMistake<Row, Sources, V> = Sources extends readonly [infer S, ...infer Others]
  ? V extends readonly [infer Taken, ...infer OthersTaken]
    ? S extends keyof Row
      ? [Row[S]] extends [Taken]
        ? TakesMistake<Row, Others, OthersTaken>
        : [Exclude<Row[S], null>] extends [Taken]
          ? `'${S & string}' may be null here, and the function does not take null`
          : `the function does not take every value of '${S & string}'`
      : never
    : never
  : never;

/** A word that reads source columns. */
type WordMistake<All, Row, Word> =
  Word extends FirstColumn<unknown, infer S>
    ? NameMistake<All, Row, S>
    : Word extends MapColumn<unknown, infer S, infer V>
      ? NameMistake<All, Row, S> | TakesMistake<Row, [S], [V]>
      : Word extends ComputeColumn<unknown, infer C extends readonly string[], infer V> | Where<infer C, infer V>
        ? NameMistake<All, Row, C[number]> | TakesMistake<Row, C, V>
        : never;

/** A component of a key, or of a reference's. */
type PartMistake<All, Row, Part> = Part extends string ? NameMistake<All, Row, Part> : WordMistake<All, Row, Part>;

type ComponentMistake<All, Row, Owner extends string, Kinds, M> = {
  [P in keyof Kinds & keyof M & string]: [PartMistake<All, Row, M[P]>] extends [never]
    ? [Extract<KindOfPart<Row, M[P]>, Kinds[P]>] extends [never]
      ? M[P] extends string
        ? `key '${P}' of ${Owner} is a ${Kinds[P] & string}, source column '${M[P]}' is a ${KindOfPart<Row, M[P]>}`
        : `key '${P}' of ${Owner} is a ${Kinds[P] & string}, and here a ${KindOfPart<Row, M[P]>}`
      : never
    : PartMistake<All, Row, M[P]>;
}[keyof Kinds & keyof M & string];

type KeyMistake<All, Row, Entity extends string, Kinds, M> = true extends IsWidened<Kinds> | IsWidened<M>
  ? never
  : [Exclude<keyof M, keyof Kinds>] extends [never]
    ? [Exclude<keyof Kinds, keyof M>] extends [never]
      ? ComponentMistake<All, Row, `'${Entity}'`, Kinds, M>
      : `key '${Exclude<keyof Kinds, keyof M> & string}' of '${Entity}' is missing`
    : NoKey<Entity, keyof Kinds, Exclude<keyof M, keyof Kinds>>;

type NoKey<Entity extends string, Known, Name> = Name extends string
  ? `'${Entity}' has no key '${Name}'${DidYouMean<Name, Known>}`
  : never;

type NamesOf<E, Kind> = { [N in keyof E & string]: E[N] extends { kind: Kind } ? N : never }[keyof E & string];

type KeyedNamesOf<E> = NamesOf<E, 'keyed' | 'shared'>;

type RefMistake<All, Row, E, Entity extends string, M> =
  Entity extends KeyedNamesOf<E>
    ? KeyMistake<All, Row, Entity, KeyKinds<All, KeyOf<E[Entity & keyof E]>>, M>
    : Entity extends NamesOf<E, 'rows'>
      ? `'${Entity}' is a rows entity; use rowRef('${Entity}')`
      : `there is no keyed entity '${Entity}'${DidYouMean<Entity, KeyedNamesOf<E>>}`;

type RowRefMistake<E, Entity extends string> =
  Entity extends NamesOf<E, 'rows'>
    ? never
    : Entity extends KeyedNamesOf<E>
      ? `'${Entity}' is a keyed entity; use ref('${Entity}', { ... })`
      : `there is no rows entity '${Entity}'${DidYouMean<Entity, NamesOf<E, 'rows'>>}`;

/** A column by itself: its word, its names, its reference. */
type ColumnMistake<All, Row, E, Kind, Column> = Column extends string
  ? Kind extends 'keyed' | 'shared'
    ? `a keyed entity has one row for many source rows; use first('${Column}')`
    : NameMistake<All, Row, Column>
  : Column extends { kind: 'first' }
    ? Kind extends 'rows'
      ? 'first() belongs to keyed entities; use the name of the source column alone'
      : WordMistake<All, Row, Column>
    : Column extends RefColumn<infer Entity, infer M>
      ? RefMistake<All, Row, E, Entity, M>
      : Column extends RowRefColumn<infer Entity>
        ? Kind extends 'keyed' | 'shared'
          ? 'rowRef() belongs to rows entities'
          : RowRefMistake<E, Entity>
        : WordMistake<All, Row, Column>;

/** A name that is known to the type checker, or nothing. */
type Literal<N> = N extends string ? (string extends N ? never : N) : never;

/** The sequence that a column or an entity's ID draws on, where it was named by a literal. */
type SequenceOf<T> = T extends { sequence?: infer S } ? Literal<S> : never;

type IdNameOf<X> = X extends { id: { column: infer N } }
  ? Literal<N>
  : X extends { entity: SharedEntity<infer N> }
    ? Literal<N>
    : never;
type IdSequenceOf<X> = X extends { id: { settings: infer Settings } } ? SequenceOf<Settings> : never;

/** A column beside the others of its entity: what is there twice. */
type BesideMistake<X, C, P extends keyof C> =
  P extends IdNameOf<X>
    ? `the entity has a column '${P}' twice; it is the ID already`
    : P extends Literal<keyof KeyOf<X>>
      ? `the entity has a column '${P}' twice; it is in the key already`
      : SequenceOf<C[P]> & (IdSequenceOf<X> | SequenceOf<Omit<C, P>[keyof Omit<C, P>]>) extends infer S
        ? [S] extends [never]
          ? never
          : `the entity takes two IDs from sequence '${S & string}'`
        : never;

/** A key of zod types: no source row belongs to the entity, so none can be read. */
type UnfedMistake<X, Column> = X extends { kind: 'keyed' | 'shared' }
  ? [X extends { entity: unknown; key: infer K } ? K[keyof K] : KeyOf<X>[keyof KeyOf<X>]] extends [core.$ZodType]
    ? Column extends { kind: 'constant' | 'nextId' }
      ? never
      : 'only references bring keys, so there is no source row to read'
    : never
  : never;

/** What a shared entity does not declare. */
type UndeclaredMistake<X, P> = X extends { entity: SharedEntity<string, unknown, infer C> }
  ? P extends keyof C
    ? never
    : `the shared entity has no column '${P & string}'${DidYouMean<P, keyof C>}`
  : never;

type ColumnsChecked<All, Row, E, X, C> = {
  [P in keyof C]: Verdict<
    C[P],
    | ColumnMistake<All, Row, E, X extends { kind: infer Kind } ? Kind : never, C[P]>
    | BesideMistake<X, C, P>
    | UnfedMistake<X, C[P]>
    | UndeclaredMistake<X, P>
  >;
};

type KeyChecked<All, Row, X, K> = {
  [P in keyof K]: Verdict<
    K[P],
    | PartMistake<All, Row, K[P]>
    | (P extends IdNameOf<X> ? `the entity has a column '${P & string}' twice; it is the ID already` : never)
    | (X extends { entity: SharedEntity<string, infer Declared> }
        ? SharedKeyMistake<All, Row, Declared, P, K[P]>
        : never)
  >;
};

type SharedKeyMistake<All, Row, Declared, P, Part> = P extends keyof Declared & string
  ? ComponentMistake<All, Row, 'the shared entity', Pick<KeyKinds<All, Declared>, P>, Record<P, Part>>
  : `the key of the shared entity has no '${P & string}'${DidYouMean<P, keyof Declared>}`;

interface Literals {
  rows: RowsLiteral;
  keyed: KeyedLiteral;
  shared: SharedLiteral;
}

type OptionsOf<X> = X extends { kind: infer Kind extends keyof Literals } ? keyof Literals[Kind] : never;

/** Options that the kind of entity needs. */
interface Needed {
  rows: 'id' | 'columns';
  keyed: 'id' | 'key';
  shared: 'entity';
}

type MissingMistake<X, Kind> = Kind extends keyof Needed
  ? Exclude<Needed[Kind], keyof X> extends infer O extends string
    ? `the option '${O}' is missing`
    : never
  : never;

type WhenMistake<Types, Given> = [Types] extends [never]
  ? 'needs a row contract with record types; use row: z.discriminatedUnion(...), or where()'
  : Given extends Types
    ? never
    : `there is no record type '${Given & string}'${DidYouMean<Given, Types>}`;

type ElementOf<T> = T extends readonly (infer One)[] ? One : T;

type EntityChecked<All, Row, Types, E, X> = X extends { kind: unknown }
  ? OptionsChecked<All, Row, Types, E, X>
  : Mistake<"the entity has no kind; use kind: 'rows', or kind: 'keyed'">;

type OptionsChecked<All, Row, Types, E, X> = {
  [O in keyof X]: O extends 'columns'
    ? ColumnsChecked<All, Row, E, X, X[O]>
    : O extends 'key'
      ? KeyChecked<All, Row, X, X[O]>
      : O extends 'where'
        ? Verdict<X[O], WordMistake<All, Row, X[O]>>
        : O extends 'when'
          ? Verdict<X[O], WhenMistake<Types, ElementOf<X[O]>>>
          : O extends 'kind'
            ? Verdict<X[O], MissingMistake<X, X[O]>>
            : O extends OptionsOf<X>
              ? X[O]
              : Verdict<X[O], `there is no option '${O & string}'${DidYouMean<O, OptionsOf<X>>}`>;
};

/** The rows of an entity: all, or those of its record types. */
type RowIn<S extends RowSchema, All, Folders, X> = X extends { when: infer Given }
  ? [Extract<ElementOf<Given>, RecordTypeOf<S>>] extends [never]
    ? All
    : RowOfType<S, Extract<ElementOf<Given>, RecordTypeOf<S>>> & Folders
  : All;

/**
 * The entities themselves, with a mistake in the place of each column, part of a key or option that has one.
 * `S` is the row contract, `Folders` are the columns of folders.
 */
export type Checked<S extends RowSchema, Folders, E> =
  true extends IsWidened<E>
    ? E
    : {
        [N in keyof E]: EntityChecked<
          RowOf<S> & Folders,
          RowIn<S, RowOf<S> & Folders, Folders, E[N]>,
          RecordTypeOf<S>,
          E,
          E[N]
        >;
      };
