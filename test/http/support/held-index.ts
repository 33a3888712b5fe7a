/**
 * Holds a key index, so that a run that needs it waits for as long as a test wants. The holder is an instance that the
 * real backend runs: a burst of arrivals whose end is far away. The lease is taken by the real entity.
 */

/** Where the durable extension of a host listens, and its key where the host wants one. */
interface DurableApi {
  url: string;
  key?: string | undefined;
}

/**
 * Takes the lease of a key index.
 *
 * @param index name of the key index.
 * @param holder instance ID of who holds it.
 * @returns what ends the holder: the next run in line finds it dead, and takes the lease.
 */
export async function holdIndex({ url, key }: DurableApi, index: string, holder: string): Promise<() => Promise<void>> {
  const post = async (where: string, body: object) => {
    const response = await fetch(`${url}/runtime/webhooks/durabletask/${where}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'x-functions-key': key }) },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${where}: ${response.status}`);
  };
  const burst = { pipeline: 'flights', to: Date.now() + 3_600_000, quietMs: 1000, waitMsMax: 1000 };
  await post(`orchestrators/gatherArrivals/${holder}`, burst);
  await post(`entities/lease/${index}?op=acquire`, { owner: holder, attempt: 1 });
  return () => post(`instances/${holder}/terminate?reason=enough`, {});
}
