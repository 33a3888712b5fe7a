/**
 * Type numbers of Thrift's compact protocol. `thrift-read.ts` and `thrift-write.ts` share them.
 *
 * Specification: apache/thrift, `doc/specs/thrift-compact-protocol.md`.
 */
/** End of a struct. */
/** End of a struct. */
export const STOP = 0;
/** A BOOL field that is true. */
export const TRUE = 1;
/** A BOOL field that is false. */
export const FALSE = 2;
/** An 8-bit integer. */
export const BYTE = 3;
/** A 16-bit integer, as a zigzag varint. */
export const I16 = 4;
/** A 32-bit integer, as a zigzag varint. */
export const I32 = 5;
/** A 64-bit integer, as a zigzag varint. */
export const I64 = 6;
/** A 64-bit float. */
export const DOUBLE = 7;
/** Bytes or text behind their length. */
export const BINARY = 8;
/** A list of one type. */
export const LIST = 9;
/** A set of one type. */
export const SET = 10;
/** A struct. */
export const STRUCT = 12;
