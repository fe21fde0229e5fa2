import * as z from "zod";

/** The device a run or a song is computed on; the same words wherever it is asked for. */
export const deviceSetting = z
  .union([
    z.enum(["auto", "cpu", "cuda"]),
    z
      .string()
      .regex(/^cuda:\d{1,3}$/)
      .meta({ form: "cuda:N" }),
  ])
  .default("auto")
  .describe("auto, cpu, cuda or cuda:N")
  .meta({ flag: "device" });
