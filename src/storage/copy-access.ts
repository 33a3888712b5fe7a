/**
 * How the service is let read a source blob that it is to copy: a shared access signature for this blob, to read, for an
 * hour. It is signed with the account's key; of an identity, with a key that the service gives for it (user delegation).
 * `azure.ts` puts it into the request, and it must get nowhere else: not into a log, an error or a document.
 */
import {
  BlobSASPermissions,
  type BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { limits } from '../limits.ts';

/** Minutes by which clocks may differ. */
const CLOCK_MINUTES = 15;

/** The query of an address that lets who has it read a blob. */
export type CopyAccess = (container: string, name: string) => Promise<string>;

/**
 * Opens the access to the blobs of an account.
 * @param service the account; what it is opened with decides who signs
 * @param now the clock, in milliseconds since 1970
 * @returns a function that gives access to one blob; it throws `RestError` where the service gives no key
 */
export function openCopyAccess(service: BlobServiceClient, now: () => number = Date.now): CopyAccess {
  const { search, protocol } = new URL(service.url);
  // A connection by a shared access signature reads what that one may read.
  if (search) return async () => search.slice(1);
  const accessMs = limits.copyAccessMinutes * 60_000;
  const sign = (containerName: string, blobName: string, ...by: Signing) => {
    const permissions = BlobSASPermissions.from({ read: true });
    const expiresOn = new Date(now() + accessMs);
    // An emulator has no certificate.
    const only = protocol === 'https:' ? { protocol: SASProtocol.Https } : {};
    const values = { containerName, blobName, permissions, expiresOn, ...only };
    return (
      by[0] instanceof StorageSharedKeyCredential
        ? generateBlobSASQueryParameters(values, by[0])
        : generateBlobSASQueryParameters(values, by[0], by[1]!)
    ).toString();
  };
  const { credential, accountName } = service;
  if (credential instanceof StorageSharedKeyCredential)
    return async (container, name) => sign(container, name, credential);
  let key: { until: number; given: Promise<UserDelegationKey> } | undefined;
  return async (container, name) => {
    if (!key || key.until < now() + accessMs) {
      const until = now() + 2 * accessMs;
      const asked = {
        until,
        given: service.getUserDelegationKey(new Date(now() - CLOCK_MINUTES * 60_000), new Date(until)),
      };
      key = asked;
      asked.given.catch(() => {
        // The next one asks again.
        if (key === asked) key = undefined;
      });
    }
    return sign(container, name, await key.given, accountName);
  };
}

type Signing = [StorageSharedKeyCredential] | [UserDelegationKey, string];
