declare module "asciichart" {
  export interface PlotOptions {
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    /** One of the colours below a series. */
    readonly colors?: readonly string[];
    readonly format?: (value: number, index: number) => string;
  }
  /** The package carries no types; this is the part we call. */
  export function plot(
    series: readonly number[] | readonly (readonly number[])[],
    options?: PlotOptions,
  ): string;
  export const green: string;
  export const yellow: string;
  export const cyan: string;
  export const magenta: string;
  export const red: string;
  export const blue: string;
}
