#!/usr/bin/env bash
# Everything that is to be known about the CUDA backend on one machine, in one run of under nine minutes.
#
#   bash bench/gpu.sh [--budget SECONDS] [--only STAGE,...] [--dry-run [--programs DIR]]
#
# Needs nvcc, CMake and a C++ compiler; python3 for the results; torch in it for the other side of the comparison. No Node,
# no network. Writes <gpu>-<date>.json, .md and .log to $OUT or else to bench/results: after every stage, so that what was
# measured stays when the run is cut off. Run again into the same folder (--only kernels, say), it adds to what is there.
# A stage that fails or takes too long is reported and the next one runs.
#
# --dry-run runs the same stages on the CPU with tiny sizes, to try the script itself; its files say so and never go to
# bench/results. --programs: a build folder to take the programs from instead of building.
#
# Exit code: 0 when every stage passed or was left out for want of time or torch, 1 when one failed, 2 for a wrong argument.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

budget=520 only="" dry=0 programs=""
while (($# > 0)); do
  case "$1" in
    --budget) budget="${2:?--budget needs seconds}"; shift 2 ;;
    --only) only=",${2:?--only needs stages},"; shift 2 ;;
    --dry-run) dry=1; shift ;;
    --programs) programs="${2:?--programs needs a folder}"; shift 2 ;;
    *) echo "gpu.sh: unknown argument \"$1\"; see the head of bench/gpu.sh" >&2; exit 2 ;;
  esac
done
if [[ -n "$programs" ]] && ((!dry)); then echo "gpu.sh: --programs goes with --dry-run" >&2; exit 2; fi

PATH="$PATH:/usr/local/cuda/bin"
export PYTHONDONTWRITEBYTECODE=1
core=packages/core-native
build="$core/build/gpu"
python="$(command -v python3 || true)"
if [[ -z "$python" ]]; then echo "gpu.sh: no python3: the results cannot be written" >&2; exit 1; fi
torch_python=""
for candidate in "$python" /usr/bin/python3; do
  if "$candidate" -c "import torch" 2>/dev/null; then torch_python="$candidate"; break; fi
done

if ((dry)); then
  out="${OUT:-$(mktemp -d)}" name=dry-run device=cpu dtype=f32
  if [[ -n "$programs" ]]; then build="$programs"; fi
else
  out="${OUT:-bench/results}" device=cuda dtype=bf16
  gpu="$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)" || gpu=""
  if [[ -z "$gpu" ]]; then echo "gpu.sh: nvidia-smi finds no GPU" >&2; exit 1; fi
  name="$(tr '[:upper:] ' '[:lower:]-' <<<"$gpu")-$(date +%F)"
fi
# Data sheets: dense bf16 and memory. An unknown device is held against an H100.
case "${gpu:-}" in
  *H200*) peak_tflops=989 peak_tbps=4.8 ;;
  *H100*PCIe*) peak_tflops=756 peak_tbps=2.0 ;;
  *A100*) peak_tflops=312 peak_tbps=2.0 ;;
  *) peak_tflops=989 peak_tbps=3.35 ;;
esac
mkdir -p "$out"
results="$out/$name.json" log="$out/$name.log"
now="$out/$name.stage.log" # what the stage that runs has printed so far
failed=0

wanted() { [[ -z "$only" || "$only" == *",$1,"* ]]; }
record() { "$python" bench/gpu_results.py "$results" "$@"; }

# stage NAME SECONDS COMMAND...: runs it within its own and the whole run's time, and adds what it printed to the results.
stage() {
  local stage_name="$1" limit="$2" left=$((budget - SECONDS)) start=$SECONDS code status
  shift 2
  wanted "$stage_name" || return 0
  echo "== $stage_name ($left s left)"
  if ((left < 8)); then
    record stage "$stage_name" --status "no time"
    return 0
  fi
  # A function of this script runs in a shell of its own, so that its time can be limited too.
  if declare -F "$1" >/dev/null; then set -- bash -c "$1"; fi
  timeout -k 5 "$((limit < left ? limit : left))" "$@" >"$now" 2>&1
  code=$?
  case $code in
    0) status=passed ;;
    124 | 137) status="cut off" ;;
    *) status=failed ;;
  esac
  tail -n 12 "$now" | cut -c 1-300
  { echo "== $stage_name: $status" && cat "$now"; } >>"$log"
  record stage "$stage_name" --status "$status" --code "$code" --seconds "$((SECONDS - start))" --log "$now" || failed=1
  if ((code != 0)); then failed=1; fi
  return "$code"
}

# A contestant that cannot take part is left out by name, not failed.
torch_stage() {
  local stage_name="$1" limit="$2"
  shift 2
  wanted "$stage_name" || return 0
  if [[ -z "$torch_python" ]]; then
    record stage "$stage_name" --status "no torch"
    return 0
  fi
  stage "$stage_name" "$limit" "$@"
}

machine() {
  echo "{\"machine\": {\"commit\": \"$(git rev-parse --short HEAD 2>/dev/null || echo "${ACE_COMMIT:-unknown}")\", \"date\": \"$(date -u +%FT%TZ)\", \"cores\": $(nproc)}}"
  uname -srm
  if ((dry)); then return 0; fi
  echo "{\"machine\": {\"data_sheet\": \"$peak_tflops TFLOP/s bf16, $peak_tbps TB/s\"}}"
  "$python" - <<'PYTHON'
import json, subprocess
fields = "name,driver_version,compute_cap,memory.total,memory.used,clocks.max.sm,clocks.max.memory,power.limit,mig.mode.current"
row = subprocess.run(["nvidia-smi", "--query-gpu=" + fields, "--format=csv,noheader"], capture_output=True, text=True, check=True)
values = [value.strip() for value in row.stdout.splitlines()[0].split(",")]
print(json.dumps({"machine": dict(zip(fields.split(","), values))}))
PYTHON
  nvcc --version | tail -2
  nvidia-smi
}

build_programs() {
  local capability generator=()
  capability="$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)" || return 1
  if command -v ninja >/dev/null; then generator=(-G Ninja); fi
  cmake -S "$core" -B "$build" "${generator[@]}" -DACE_PROGRAMS=ON -DACE_ADDON=OFF "-DACE_CUDA_ARCHITECTURES=$capability" &&
    cmake --build "$build" --parallel "$(nproc)" --target core_tests core_golden core_bench
}

# Three steps of both sides from the same weights, adapter and batch: losses and gradient norms must be the same.
agreement() {
  local folder code=0 worker=tools/bench/reference_worker.py
  local size=(--layers 2 --seconds 60 --cond 769 --rank 64) ours=(--layers 2 --seconds 60 --condition 769 --rank 64)
  if ((dry)); then size=(--model tiny --layers 2 --seconds 2 --cond 16 --rank 4) ours=(--layers 1 --seconds 2 --condition 16 --rank 4); fi
  folder="$(mktemp -d)"
  "$torch_python" $worker make "$folder" "${size[@]}" &&
    "$torch_python" $worker step "$folder" --device "$device" --dtype "$dtype" <<<$'\n\n' &&
    "$build/core_bench" step --folder "$folder" --device "$device" "${ours[@]}" --warmup 1 --runs 2 --label agreement || code=$?
  rm -r "$folder"
  return "$code"
}

# compute-sanitizer is slow: the smallest products and one of each kind of kernel.
sanitize() {
  local tool code=0
  for tool in memcheck racecheck initcheck; do
    echo "-- $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/core_tests" --filter "CUDA: rms_norm" --filter "CUDA: attention" || code=$?
  done
  return "$code"
}

export dry python torch_python core build device dtype peak_tflops peak_tbps
export -f machine build_programs agreement sanitize

# The runs of `core_bench step --lines`, by value: what the headline is compared with, the other adapters, then lengths.
sweep() {
  local seconds adapter policy
  if ((dry)); then
    echo "--seconds 2 --adapter lora --recompute none"
    echo "--seconds 2 --adapter lokr --recompute block"
    echo "--seconds 2 --adapter lora --recompute none --targets layers.0.self_attn.q_proj --rank 1 --label frozen"
    return
  fi
  local adapters=("lora" "lora --mlp" "lokr" "dora" "loha")
  echo "--seconds 240 --adapter lora --recompute none --targets layers.0.self_attn.q_proj --rank 1 --label frozen"
  for adapter in "${adapters[@]:1}"; do echo "--seconds 240 --adapter $adapter --recompute none"; done
  for policy in cheap mlp:12 mlp block; do echo "--seconds 240 --adapter lora --recompute $policy"; done
  echo "--seconds 600 --adapter lora --recompute mlp:11"
  for seconds in 60 120 30 480 600; do echo "--seconds $seconds --adapter lora --recompute none"; done
  for seconds in 480 600; do
    for policy in block mlp cheap; do echo "--seconds $seconds --adapter lora --recompute $policy"; done
  done
  echo "--seconds 30 --adapter lora --recompute none --batch 8"
  for seconds in 60 600 120 30 480; do
    for adapter in "${adapters[@]:1}"; do echo "--seconds $seconds --adapter $adapter --recompute none"; done
  done
  for seconds in 60 120 30; do
    for policy in cheap mlp block; do echo "--seconds $seconds --adapter lora --recompute $policy"; done
  done
  for policy in cheap mlp block; do
    for adapter in "${adapters[@]:1}"; do echo "--seconds 240 --adapter $adapter --recompute $policy"; done
  done
}

baseline=("$torch_python" bench/gpu_reference.py)
if ((dry)); then
  shape=(--layers 1 --condition 16 --rank 4 --warmup 1 --runs 2)
  headline=(--seconds 2 --label headline)
  baseline+=(--model tiny --device cpu --dtype fp32 --seconds 2 --cond 16 --rank 4 --warmup 1 --steps 2)
  golden=(--filter tiny/adapter_lora) products=(--filter "2048x2048, dy W, bf16 W" --runs 1)
else
  shape=(--layers 24 --condition 769 --rank 64 --warmup 3 --runs 12)
  headline=(--seconds 240 --label headline)
  baseline+=(--seconds 240 --warmup 4 --steps 12)
  golden=() products=(--runs 5)
fi

record start "$( ((dry)) && echo --dry-run || echo --measured)"
stage machine 20 machine
if [[ -n "$programs" ]] || stage build 200 build_programs; then
  # Both are about hardware; on a CPU the emulator's program tests the kernels.
  if ((!dry)); then
    stage fragments 30 "$build/core_tests" --fragments
    # A step that opens the device and so tries attention's kernels for 9.0; without them the other stages still tell something.
    if ! stage warpgroups 30 "$build/core_bench" step --device cuda --layers 1 --condition 64 --seconds 10 --warmup 1 --runs 2 --label warpgroups; then
      echo "gpu.sh: what follows runs with ACEWRIGHT_ATTENTION=portable"
      export ACEWRIGHT_ATTENTION=portable
    fi
  fi
  stage tests 100 "$build/core_tests" --filter "$( ((dry)) && echo "CUDA: rms_norm" || echo CUDA)"
  stage golden 60 "$build/core_golden" tools/reference/golden --json --device "$device" "${golden[@]}"
  stage headline 60 "$build/core_bench" step --device "$device" "${shape[@]}" "${headline[@]}"
  torch_stage torch 60 "${baseline[@]}"
  torch_stage agreement 60 agreement
  stage gemm 30 "$build/core_bench" gemm --device "$device" "${products[@]}"
  torch_stage torch-checkpointing 60 "${baseline[@]}" --checkpointing
  stage kernels 60 "$build/core_bench" kernels --device "$device" "${shape[@]}" "${headline[@]}" --peak-tflops "$peak_tflops" --peak-tbps "$peak_tbps"
  if ((!dry)); then
    stage tuned 60 "$build/core_bench" step --device "$device" "${shape[@]}" --seconds 240 --label tuned --tune
    stage portable 60 env ACEWRIGHT_ATTENTION=portable "$build/core_bench" step --device "$device" "${shape[@]}" --seconds 240 --label portable
  fi
  stage sweep 120 "$build/core_bench" step --device "$device" "${shape[@]}" --lines <(sweep)
  if ((!dry)); then
    torch_stage torch-compile 120 "${baseline[@]}" --compile
    stage xl 60 "$build/core_bench" step --device "$device" --xl --layers 32 --seconds 240 --condition 769 --warmup 2 --runs 6
    torch_stage torch-lokr 60 "${baseline[@]}" --adapter lokr
    if command -v compute-sanitizer >/dev/null; then stage sanitizer 120 sanitize; fi
  fi
else
  echo "gpu.sh: the build failed; only the other side is measured"
  torch_stage torch 60 "${baseline[@]}"
  torch_stage torch-checkpointing 60 "${baseline[@]}" --checkpointing
fi

record finish
rm -f "$now"
echo "results: $results and ${results%.json}.md"
exit "$failed"
