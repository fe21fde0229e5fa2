import { vi } from "vitest";

/** Waits until a check passes, as long as a busy machine takes for it. */
export async function until<Value>(
  check: () => Value | Promise<Value>,
  options: Parameters<typeof vi.waitFor>[1] = { timeout: 20_000, interval: 20 },
): Promise<Value> {
  return await vi.waitFor(check, options);
}
