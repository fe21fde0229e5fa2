declare module "asciichart" {
  /** The package carries no types; this is the part we call. */
  export function plot(
    series: readonly number[],
    options?: { height?: number; format?: (value: number, index: number) => string },
  ): string;
}
