/**
 * Runs `work` on every item, at most `atOnce` at a time; results in the order of the items. The first failure, or the
 * signal's reason, ends it once the works already begun have ended.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  signal: AbortSignal | undefined,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.entries();
  let stopped = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      if (stopped) return;
      try {
        signal?.throwIfAborted();
        results[index] = await work(item, index);
      } catch (error) {
        stopped = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const ended of workers) if (ended.status === "rejected") throw ended.reason as Error;
  return results;
}
