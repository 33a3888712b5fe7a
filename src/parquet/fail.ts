/** The ways in which a file can be wrong, each as one call that never returns. */
import { type ErrorLocation, OrdinalError } from '../errors.ts';

export function corrupt(message: string, where: ErrorLocation, cause?: unknown): never {
  throw new OrdinalError('CorruptFile', `The Parquet file is damaged: ${message}.`, {
    where,
    cause,
    remedy: 'Write the file again, or remove it from the source.',
  });
}

export function truncated(message: string, where: ErrorLocation): never {
  throw new OrdinalError('TruncatedFile', `The Parquet file is cut short: ${message}.`, {
    where,
    remedy: 'Upload the whole file again.',
  });
}

export function unsupported(message: string, where: ErrorLocation): never {
  throw new OrdinalError('UnsupportedFile', message, { where });
}

/**
 * Runs a decoder over untrusted bytes. Reads are checked where they are made; what still ends in a RangeError (a
 * read past a view, an array length that cannot be) is the file's fault and becomes `CorruptFile`. Anything else
 * that is not an `OrdinalError` is a defect of ours and passes as it is.
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
