/** A body that is longer than was allowed. */
export class BodyTooLong extends Error {}

/**
 * Reads a body as UTF-8 text, stopping at the first byte too many: also of a compressed body, which is counted unpacked.
 *
 * @throws {BodyTooLong}
 */
export async function readBounded(response: Response, mostBytes: number): Promise<string> {
  const { body } = response;
  if (body === null) return "";
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
    if (done || value === undefined) break;
    total += value.length;
    if (total > mostBytes) {
      await reader.cancel();
      throw new BodyTooLong();
    }
    chunks.push(value);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
