/**
 * Texts as blob metadata, which is ASCII. Called by whoever writes a name or a reason beside a blob. It must never lose a
 * character: what is decoded is what was encoded.
 */

/**
 * Encodes a text for the metadata of a blob.
 * @param text any text
 * @returns ASCII letters, digits, `-` and `_`
 */
export function toMetadata(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/**
 * Decodes what `toMetadata` gave.
 * @param text the metadata
 * @returns the text
 */
export function fromMetadata(text: string): string {
  return Buffer.from(text, 'base64url').toString();
}
