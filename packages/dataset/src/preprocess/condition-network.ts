import type { ConditionRequest, ConditionResult, ModelConfig } from "@acewright/core-native";

/** What preprocessing needs of the music model: its condition encoder. */
export interface ConditionNetwork {
  readonly config: Pick<
    ModelConfig,
    | "fingerprint"
    | "modelVersion"
    | "encoderHiddenSize"
    | "textHiddenSize"
    | "latentChannels"
    | "timbreFrames"
  >;
  encode(request: ConditionRequest): Promise<ConditionResult>;
  close(): void;
}
