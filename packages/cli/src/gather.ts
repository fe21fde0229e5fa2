/** Collects a repeated option. */
export function gather(value: string, before: string[] = []): string[] {
  return [...before, value];
}
