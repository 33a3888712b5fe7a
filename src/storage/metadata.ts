/** Texts as blob metadata, which is ASCII. */

export function toMetadata(text: string): string {
  return Buffer.from(text).toString('base64url');
}

export function fromMetadata(text: string): string {
  return Buffer.from(text, 'base64url').toString();
}
