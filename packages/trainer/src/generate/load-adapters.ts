import {
  AceError,
  Adapter,
  type Decoder,
  type LoadReport,
  type SamplerAdapter,
} from "@acewright/core-native";
import { findAdapter } from "../export/find-adapter.js";
import { moduleScales, type AdapterUse } from "./adapter-use.js";

/** Adapters on a decoder, ready for a sampler. */
export interface LoadedAdapters {
  readonly uses: readonly SamplerAdapter[];
  readonly reports: readonly (AdapterUse & { readonly report: LoadReport })[];
  /** What their own words say against this use; captions are all that will be made. */
  readonly remarks: readonly string[];
  close(): void;
}

/**
 * Loads what is asked for, each with its scales.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT (an adapter of another model), ERR_CONFIG (a group that names nothing);
 *   nothing stays open then.
 */
export async function loadAdapters(
  decoder: Decoder,
  adapters: readonly AdapterUse[],
  captions: readonly string[],
): Promise<LoadedAdapters> {
  const opened: Adapter[] = [];
  const close = (): void => {
    for (const adapter of opened) adapter.close();
  };
  const uses: SamplerAdapter[] = [];
  const reports: LoadedAdapters["reports"][number][] = [];
  const remarks: string[] = [];
  try {
    for (const use of adapters) {
      const { adapter, report, metadata } = await Adapter.load(decoder, pathOf(use));
      opened.push(adapter);
      const scales = moduleScales(
        use,
        adapter.modules.map(({ name }) => name),
      );
      const { scale, from, to } = use;
      uses.push({
        adapter,
        scale,
        ...(scales !== undefined && { moduleScales: scales }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
      });
      reports.push({ ...use, report });
      remarks.push(
        ...remarkOnLeft(use.path, report),
        ...remarksOn(use.path, metadata, decoder.config.fingerprint, captions),
      );
    }
  } catch (error) {
    close();
    throw error;
  }
  return { uses, reports, remarks, close };
}

function pathOf({ path, which }: AdapterUse): string {
  if (which === undefined) return path;
  const { weights, run } = findAdapter(path, which);
  if (run !== undefined) return weights;
  throw new AceError("ERR_CONFIG", `${path}: is an adapter, not a run, and has no checkpoint to choose`);
}

/** An adapter of a deeper model loads on a shallower one in part: what has no place there changes nothing. */
function remarkOnLeft(path: string, { matched, unexpected }: LoadReport): string[] {
  const [first] = unexpected;
  if (first === undefined) return [];
  const all = matched.length + unexpected.length;
  return [
    `${path}: ${unexpected.length} of its ${all} tensors have no place in this model, so it plays in part; the first is ${first}`,
  ];
}

function remarksOn(
  path: string,
  metadata: Readonly<Record<string, string>>,
  fingerprint: string,
  captions: readonly string[],
): string[] {
  const { base_model_fingerprint: trainedOn, base_model: name, trigger } = metadata;
  const remarks: string[] = [];
  if (trainedOn !== undefined && trainedOn !== fingerprint) {
    remarks.push(`${path}: was trained on another model (${name ?? "unnamed"}); it may sound different here`);
  }
  if (trigger === undefined || trigger === "") return remarks;
  const without = captions.filter((caption) => !caption.toLowerCase().includes(trigger.toLowerCase()));
  if (without.length > 0) {
    const where = captions.length === 1 ? "the caption" : `${without.length} of ${captions.length} captions`;
    remarks.push(`${path}: its trigger ${JSON.stringify(trigger)} is not in ${where}`);
  }
  return remarks;
}
