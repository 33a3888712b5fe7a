/**
 * Opens a file of this machine that a user has named. Commands that read Parquet files call it. A folder is no file.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { OrdinalError } from '../src/errors.ts';

/**
 * Opens a file.
 * @param file its path
 * @returns the file, which the caller closes, and its size in bytes
 * @throws OrdinalError `SourceEmpty` when it is not there, is no file or may not be read
 */
export async function openFile(file: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const found = await handle.stat();
    if (found.isFile()) return { handle, size: found.size };
  } catch (cause) {
    await handle?.close();
    const { code } = cause as NodeJS.ErrnoException;
    throw unreadable(code === 'ENOENT' ? `there is no file "${file}"` : `${file} cannot be read: ${code}`, cause);
  }
  await handle.close();
  throw unreadable(`${file} is not a file`);
}

function unreadable(message: string, cause?: unknown): OrdinalError {
  return new OrdinalError('SourceEmpty', message, {
    remedy: 'Give the path of a Parquet file on this machine.',
    cause,
  });
}
