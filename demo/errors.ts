/**
 * What stops the demo and needs no stack trace: the message says it all. All of the demo throws it.
 */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
