/**
 * The ways in which a file can be wrong, each as one call that never returns. Everything that reads a file calls it. It
 * must never hide where: blob, row group and column go along.
 */
import { type ErrorLocation, OrdinalError } from '../errors.ts';

/**
 * Says that a file is damaged.
 * @param message what is wrong, as the end of a sentence
 * @param where place for errors: blob, row group, column
 * @param cause the error that was found first
 * @throws `CorruptFile` always
 */
export function corrupt(message: string, where: ErrorLocation, cause?: unknown): never {
  throw new OrdinalError('CorruptFile', `The Parquet file is damaged: ${message}.`, {
    where,
    cause,
    remedy: 'Write the file again, or remove it from the source.',
  });
}

/**
 * Says that a file is cut short.
 * @param message what is missing, as the end of a sentence
 * @param where place for errors: blob, row group, column
 * @throws `TruncatedFile` always
 */
export function truncated(message: string, where: ErrorLocation): never {
  throw new OrdinalError('TruncatedFile', `The Parquet file is cut short: ${message}.`, {
    where,
    remedy: 'Upload the whole file again.',
  });
}

/**
 * Says that a file is right, but has what is not supported.
 * @param message a sentence
 * @param where place for errors: blob, row group, column
 * @throws `UnsupportedFile` always
 */
export function unsupported(message: string, where: ErrorLocation): never {
  throw new OrdinalError('UnsupportedFile', message, { where });
}

/**
 * Runs a decoder over untrusted bytes. Reads are checked where they are made; what still ends in a RangeError (a
 * read past a view, an array length that cannot be) is the file's fault and becomes `CorruptFile`. Anything else
 * that is not an `OrdinalError` is a defect of ours and passes as it is.
 * @param where place for errors: blob, row group, column
 * @param decode reads bytes that nobody has checked
 * @returns what it gives
 * @throws `CorruptFile` for a RangeError within
 */
export function guarded<T>(where: ErrorLocation, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof OrdinalError) throw error.where?.blob === undefined ? error.at(where) : error;
    if (error instanceof RangeError) corrupt(error.message, where, error);
    throw error;
  }
}
