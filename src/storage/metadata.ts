/**
 * Texts as blob metadata, which is ASCII.
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
