import { AceError } from "@acewright/core-native";
import { adapterFormats } from "@acewright/trainer";
import { Hono } from "hono";
import { z } from "zod";
import { exportLayouts } from "../../export-layouts.js";
import { asWord, newName, refuseTaken } from "../new-names.js";
import type { StudioParts } from "../open-studio.js";
import type { ExportFormat } from "../songs-api.js";
import { bodyOf, queryOf } from "./input.js";

const Format = z.enum(adapterFormats);
const Choices = z.strictObject({
  run: z.string().min(1),
  which: z.string().regex(/^(final|best|\d{1,15})$/, "expected final, best or a step"),
  format: Format,
  output: z.string().min(1, "name a place to write to"),
  asLora: z.string().refine((text) => text === "" || isRank(text), "expected a whole number from 1 to 8192"),
});

function isRank(text: string): boolean {
  return /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 8192;
}

/** A run's adapter in another program's layout. */
export function exportRoutes(parts: StudioParts): Hono {
  const { workspace, survey, jobs } = parts;
  const app = new Hono();
  app.get("/formats", (c) => {
    const formats = adapterFormats.map((name): ExportFormat => {
      const { about, takes, ending } = exportLayouts[name];
      return { name, about, takes, ending };
    });
    return c.json(formats);
  });
  app.get("/name", (c) => {
    const { run, format } = queryOf(c, z.object({ run: z.string().min(1), format: Format }));
    const stem = workspace.show(workspace.resolve(run)).split("/").at(-1) ?? "adapter";
    const name = `exports/${stem}-${format}`;
    return c.json({ output: newName(name, exportLayouts[format].ending, workspace, jobs) });
  });
  app.post("/start", async (c) => {
    const choices = await bodyOf(c, Choices);
    const folder = workspace.resolve(choices.run);
    const { config } = survey.summary(folder);
    refuseForeign(choices, config.adapter.kind);
    refuseTaken(choices.output, "folder", parts);
    const [run, output] = [folder, workspace.resolve(choices.output)].map((path) => workspace.show(path));
    const words = [
      ...["export", asWord(run ?? ""), "-f", choices.format, "-o", asWord(output ?? "")],
      ...(choices.which === "final" ? [] : ["--which", choices.which]),
      ...(choices.asLora === "" ? [] : ["--as-lora", choices.asLora]),
    ];
    const title = `export ${run ?? ""} as ${choices.format}`;
    return c.json(
      jobs.add({ kind: "export", title, words, ...(output === undefined ? {} : { makes: output }) }),
    );
  });
  return app;
}

/** @throws {AceError} ERR_CONFIG for a kind that a layout has no names for, unless the nearest LoRA shall be written. */
function refuseForeign({ format, asLora }: z.infer<typeof Choices>, kind: string): void {
  const family = kind === "lokr" || kind === "loha" ? "lycoris" : "lora";
  const { takes } = exportLayouts[format];
  if (takes.includes(family)) return;
  if (format === "lycoris")
    throw new AceError(
      "ERR_CONFIG",
      `format: a ${kind} has no place under LyCORIS' names; choose another layout`,
    );
  if (asLora === "")
    throw new AceError(
      "ERR_CONFIG",
      `asLora: ${format} has no names for a ${kind}; name the rank of the LoRA that comes nearest to it`,
    );
}
