import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { DeviceInfo } from "@acewright/core-native";
import type { DeviceUse, DeviceWatch } from "./device-use.js";

const execute = promisify(execFile);

const fields = [
  "uuid",
  "name",
  "memory.used",
  "memory.total",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
];
/** Between two readings. One takes the driver some tens of milliseconds on a core of its own. */
const everyMs = 5000;
const mebibyte = 1 << 20;

/** Readings in a row that may fail on a busy machine before the tool counts as absent. */
const mostFailures = 3;

/** One GPU as `nvidia-smi`, which comes with the driver, sees it. */
export interface GpuRow {
  readonly uuid: string;
  readonly name: string;
  readonly use: DeviceUse;
}

/** The GPU of a run, asked for every few seconds beside the training, which never waits for the answer. */
export class GpuWatch implements DeviceWatch {
  absence: string | undefined;
  private latest: DeviceUse | undefined;
  private failures = 0;
  private readonly timer: NodeJS.Timeout;
  private readonly stop = new AbortController();

  constructor(
    private readonly device: DeviceInfo,
    private readonly environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.timer = setInterval(() => void this.look(), everyMs);
    this.timer.unref();
    void this.look();
  }

  read(): DeviceUse | undefined {
    return this.latest;
  }

  close(): void {
    clearInterval(this.timer);
    this.stop.abort();
  }

  private async look(): Promise<void> {
    try {
      const { stdout } = await execute(
        "nvidia-smi",
        [`--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"],
        { env: this.environment, timeout: everyMs - 500, windowsHide: true, signal: this.stop.signal },
      );
      const row = ownRow(parseGpuRows(stdout), this.device, this.environment["CUDA_VISIBLE_DEVICES"]);
      if (row === undefined) this.giveUp(`nvidia-smi does not tell which of its GPUs ${this.device.name} is`);
      else this.latest = row.use;
      this.failures = 0;
    } catch (cause) {
      if (this.stop.signal.aborted) return;
      const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      if (isMissing || ++this.failures === mostFailures)
        this.giveUp(`nvidia-smi: ${(cause as Error).message.split("\n")[0]}`);
    }
  }

  private giveUp(why: string): void {
    this.close();
    this.latest = undefined;
    this.absence = `the GPU's use is not shown: ${why}`;
  }
}

/** Values the driver does not know are written `[N/A]` and left out. */
export function parseGpuRows(csv: string): GpuRow[] {
  return csv
    .split(/\r?\n/)
    .map((line) => line.split(",").map((cell) => cell.trim()))
    .filter((cells) => cells.length === fields.length)
    .map(([uuid = "", name = "", used, total, utilization, temperature, power]) => {
      const known = (key: "temperatureC" | "powerW", text: string | undefined) =>
        Number.isFinite(Number.parseFloat(text ?? "")) ? { [key]: Number(text) } : {};
      return {
        uuid,
        name,
        use: {
          memoryBytes: (Number.parseFloat(used ?? "") || 0) * mebibyte,
          memoryTotalBytes: (Number.parseFloat(total ?? "") || 0) * mebibyte,
          utilization: (Number.parseFloat(utilization ?? "") || 0) / 100,
          ...known("temperatureC", temperature),
          ...known("powerW", power),
        },
      };
    });
}

/**
 * The row of the device that CUDA calls `cuda:N`. CUDA and nvidia-smi may count differently: a GPU whose name no other has
 * is known by it, GPUs of one name stand in the same order for both.
 */
export function ownRow(
  rows: readonly GpuRow[],
  { name, description }: Pick<DeviceInfo, "name" | "description">,
  visible: string | undefined,
): GpuRow | undefined {
  const seen = visibleRows(rows, visible);
  const alike = seen.filter((row) => row.name === description);
  if (alike.length === 1) return alike[0];
  return alike.length === seen.length ? seen[Number(name.slice("cuda:".length))] : undefined;
}

/** CUDA_VISIBLE_DEVICES lists numbers, or beginnings of UUIDs; what comes after an unknown one is not seen. */
function visibleRows(rows: readonly GpuRow[], visible: string | undefined): readonly GpuRow[] {
  if (visible === undefined || visible === "") return rows;
  const seen: GpuRow[] = [];
  for (const word of visible.split(",").map((text) => text.trim())) {
    const row = /^\d+$/.test(word) ? rows[Number(word)] : rows.find(({ uuid }) => uuid.startsWith(word));
    if (row === undefined) break;
    seen.push(row);
  }
  return seen;
}
