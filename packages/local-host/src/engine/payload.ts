/**
 * Checks the size of inputs, results and outputs against `--payload-max`. `dispatch.ts` and `finish.ts` call it.
 * Without the option nothing is refused, because Azure Storage accepts large payloads too.
 */
import type { ActionCursor, Outgoing } from './cursor.ts';
import { diagnostic } from './diagnostics.ts';

/**
 * Why a payload is refused; undefined when it is not. Azure Storage sends payloads above 45 KB through blobs, which
 * works but costs requests. So there is a limit only for those who ask for one (`--payload-max`).
 */
export function payloadFailure(
  what: string,
  text: string | null | undefined,
  bytesMax: number | undefined,
): string | undefined {
  if (bytesMax === undefined || text == null) return undefined;
  const bytes = Buffer.byteLength(text);
  if (bytes <= bytesMax) return undefined;
  return diagnostic('PayloadTooLarge', `${what} has ${bytes} bytes; --payload-max allows ${bytesMax}.`);
}

/** The first of an episode's new messages that is too large. */
export function outgoingFailure(cursor: ActionCursor, bytesMax: number | undefined): string | undefined {
  if (bytesMax === undefined) return undefined;
  for (const out of cursor.outgoing) {
    const failure = payloadFailure(...payloadOf(out), bytesMax);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function payloadOf(out: Outgoing): [what: string, text: string | null] {
  switch (out.kind) {
    case 'activity':
      return [`the input of activity '${out.name}'`, out.input];
    case 'subOrchestration':
      return [`the input of sub-orchestration '${out.name}'`, JSON.stringify(out.input) ?? null];
    case 'operation':
      return [`the request '${out.request.op ?? 'lock'}' to ${out.target}`, JSON.stringify(out.request)];
    default:
      return ['', null];
  }
}
