import type { JSX } from "preact";
import type { Texts } from "../../../src/studio/form-api.js";
import type { CureRow, MemoryVerdict, TrainDevice, TrainPlan } from "../../../src/studio/train-api.js";
import { Badge, Card, Failure, type BadgeKind } from "../parts/parts.js";
import { formatBytes, formatNumber, formatTime } from "../tools/format.js";
import { useAnswer } from "../tools/use-answer.js";
import type { Posted } from "../tools/use-post.js";
import { t } from "../words/words.js";
import { MemoryBar } from "./memory-bar.js";

interface PlanCardProps {
  readonly posted: Posted<TrainPlan>;
  /** Nothing can be planned yet, or something must be corrected first. */
  readonly missing: string | undefined;
  readonly isMeasuring: boolean;
  readonly onMeasure: () => void;
  readonly onCure: (settings: Texts) => void;
}

/** What the training would come to, before it is begun. */
export function PlanCard({ posted, missing, isMeasuring, onMeasure, onCure }: PlanCardProps): JSX.Element {
  const { answer, error, isOld } = posted;
  const isWorking = missing === undefined && isOld;
  return (
    <Card
      title={t("What it comes to")}
      actions={
        <>
          {isWorking && (
            <span class="quiet" role="status">
              {isMeasuring ? t("measuring…") : t("planning…")}
            </span>
          )}
          <button type="button" disabled={missing !== undefined || isMeasuring} onClick={onMeasure}>
            {t("Measure the time")}
          </button>
        </>
      }
    >
      <DeviceLine />
      {missing !== undefined && <p class="nothing">{missing}</p>}
      {!isOld && <Failure error={error} />}
      {answer !== undefined && missing === undefined && (
        <div class={isOld ? "old" : ""}>
          <Numbers answer={answer} />
          <MemoryBar memory={answer.plan.memory} device={answer.plan.device} />
          <Verdict answer={answer} onCure={onCure} />
          {answer.plan.warnings.map((line) => (
            <p key={line} class="warning">
              {line}
            </p>
          ))}
        </div>
      )}
    </Card>
  );
}

/** What trains here, and plainly where that is no GPU. */
function DeviceLine(): JSX.Element | null {
  const { answer, error } = useAnswer<TrainDevice>("train/device");
  if (error !== undefined) return <Failure error={error} />;
  if (answer === undefined) return null;
  const { name, description, instructionSet, memoryBytes, whyNoGpu } = answer;
  return (
    <>
      <p class="device">
        {t("Device: {description} ({name}, {instructionSet}), {memory}", {
          description,
          name,
          instructionSet,
          memory: formatBytes(memoryBytes),
        })}
      </p>
      {whyNoGpu !== undefined && (
        <p class="warning">{t("No GPU is used, training runs on the CPU: {why}", { why: whyNoGpu })}</p>
      )}
    </>
  );
}

function Numbers({ answer: { plan, parameters, ranks } }: { answer: TrainPlan }): JSX.Element {
  const { speed, regularizationSongs, config } = plan;
  const songs = t("{training} to train on, {held} held out", {
    training: plan.trainingSongs,
    held: plan.validationSongs,
  });
  const figures: readonly (readonly [string, string])[] = [
    [
      t("Songs"),
      regularizationSongs === undefined
        ? songs
        : `${songs}, ${t("{count} mixed in", { count: regularizationSongs })}`,
    ],
    [t("Music"), formatTime(plan.audioS)],
    [
      t("Steps"),
      t("{steps} ({perEpoch} an epoch, {epochs} epochs)", {
        steps: plan.steps,
        perEpoch: plan.stepsPerEpoch,
        epochs: plan.epochs,
      }),
    ],
    [t("Adapter"), `${config.adapter.kind}, ${ranks}`],
    [t("Trainable parameters"), parameters.toLocaleString()],
    [t("Learning rate"), formatNumber(config.learningRate)],
    [t("Recompute"), config.recompute],
    [t("Work"), t("{count} TFLOP at most", { count: formatNumber(plan.flops / 1e12) })],
    [t("Each checkpoint"), formatBytes(plan.checkpointBytes)],
    [
      t("Time"),
      speed === undefined
        ? t("not measured")
        : t("about {time} ({step} s a step, measured)", {
            time: formatTime(speed.expectedS),
            step: formatNumber(speed.secondsPerStep),
          }),
    ],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const verdictKinds: Readonly<Record<MemoryVerdict, BadgeKind>> = {
  green: "good",
  yellow: "busy",
  red: "bad",
};

function Verdict(props: { answer: TrainPlan; onCure: (settings: Texts) => void }): JSX.Element {
  const { plan, cures, busy } = props.answer;
  const { verdict, reason } = plan.recompute;
  const words: Readonly<Record<MemoryVerdict, string>> = {
    green: t("fits"),
    yellow: t("tight"),
    red: t("does not fit"),
  };
  return (
    <>
      <p class="verdict" aria-live="polite">
        <Badge kind={verdictKinds[verdict]}>{words[verdict]}</Badge> {reason}
      </p>
      {cures.length > 0 && (
        <div class="actions" role="group" aria-label={t("What would make it fit")}>
          {cures.map((cure) => (
            <Cure key={cure.words} cure={cure} onCure={props.onCure} />
          ))}
        </div>
      )}
      {busy && verdict !== "green" && (
        <p class="warning">
          {t("Another job runs and holds memory; when this one begins, that is free again.")}
        </p>
      )}
    </>
  );
}

function Cure({ cure, onCure }: { cure: CureRow; onCure: (settings: Texts) => void }): JSX.Element {
  return (
    <button
      type="button"
      onClick={() => {
        onCure(cure.settings);
      }}
    >
      {t("Take {settings} ({memory})", { settings: cure.words, memory: formatBytes(cure.totalBytes) })}
    </button>
  );
}
