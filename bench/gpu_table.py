"""Renders the results of bench/gpu.sh as Markdown. Every ratio is between two figures of the same run."""

EPOCHS_OF_TUTORIAL = 500
SONGS_OF_TUTORIAL = 13


def render(report):
    machine = report["machine"]
    stages = {stage["name"]: stage for stage in report["stages"]}
    steps = [value for stage in report["stages"] for value in stage["values"] if value.get("benchmark") == "step"]
    torch = [value for stage in report["stages"] for value in stage["values"] if value.get("benchmark") == "torch"]
    lines = ["# " + ("DRY RUN on a CPU: no figure here says anything about a GPU" if report["dry_run"] else
                     "Measured on " + machine.get("name", "an unknown device")), ""]
    if not report.get("complete"):
        lines += ["The run is not over, or was cut off.", ""]
    lines += table(["machine", ""], [[key, machine[key]] for key in sorted(machine)])
    lines += table(["stage", "status", "s", "passed", "failed", "skipped"], [stage_row(s) for s in report["stages"]])
    steps = [step for step in steps if step["label"] != "agreement"]
    good = [step for step in steps if "error" not in step]
    lines += headline(good, torch)
    lines += agreement(stages)
    lines += sweep(steps, rate(stages))
    lines += derived(good, torch, rate(stages))
    lines += kernels(stages)
    for stage in report["stages"]:
        if stage.get("tail"):
            lines += ["## " + stage["name"] + ": " + stage["status"], "", "```", *stage["tail"], "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def table(head, rows):
    if not rows:
        return []
    cells = [[show(cell) for cell in row] for row in [head, *rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    texts = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    return [texts[0], "| " + " | ".join("-" * width for width in widths) + " |", *texts[1:], ""]


def show(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return "%.4g" % value if abs(value) < 100 else "%.1f" % value
    return str(value)


def stage_row(stage):
    counts = [value for value in stage["values"] if {"passed", "failed", "skipped"} <= set(value)]
    sums = [sum(value[key] for value in counts) if counts else None for key in ("passed", "failed", "skipped")]
    return [stage["name"], stage["status"], stage["seconds"], *sums]


def rate(stages):
    """TFLOP/s of the fastest bf16 product of this run, or None."""
    shapes = [shape for value in stages.get("gemm", {"values": []})["values"] for shape in value.get("shapes", [])]
    return max((shape["best"] for shape in shapes), default=0) / 1e3 or None


def ratio(a, b):
    return a / b if a and b else None


def headline(steps, torch):
    """The first step that was measured, beside PyTorch on the same shape."""
    ours = next((step for step in steps if step.get("label") == "headline"), None)
    rows = []
    if ours:
        rows.append(["Acewright, recompute " + ours["recompute"], ours["median_ms"], ours["min_ms"], mib(ours, "peak"), 1.0,
                     ours["loss"], ours["grad_norm"]])
    for other in torch:
        if other["adapter"] != "lora":
            continue
        name = "PyTorch %s%s%s" % (other["torch"], ", checkpointing" if other["checkpointing"] else "",
                                   ", compiled" if other["compile"] else "")
        rows.append([name, other["step_ms_median"], other["step_ms_min"], gib(other["peak_mem_gib"]),
                     ratio(other["step_ms_median"], ours and ours["median_ms"]), other["loss"], other["grad_norm"]])
    if not rows:
        return []
    shape = "%g s, batch %d, %d condition tokens, rank %d" % (ours["seconds"], ours["batch"], ours["condition"], ours["rank"]) if ours else ""
    return ["## A training step: " + shape, "",
            "Each side has random weights of its own here, so losses and norms need not agree.", "",
            *table(["contestant", "median ms", "fastest ms", "peak MiB", "times ours", "loss", "gradient norm"], rows)]


def agreement(stages):
    """Three steps of both sides from the same weights."""
    values = stages.get("agreement", {"values": []})["values"]
    theirs = [value for value in values if "gradNorm" in value]
    ours = next((value for value in values if value.get("label") == "agreement"), None)
    if not theirs or not ours:
        return []
    rows = [["PyTorch", theirs[0]["loss"], theirs[0]["gradNorm"], theirs[-1]["loss"], theirs[-1]["gradNorm"]],
            ["Acewright", ours["first_loss"], ours["first_grad_norm"], ours["loss"], ours["grad_norm"]]]
    rows = [[row[0], *("%.6f" % number for number in row[1:])] for row in rows]
    head = ["three steps from the same weights", "first loss", "gradient norm", "last loss", "gradient norm"]
    remark = stages["agreement"].get("remark")
    return ["## Agreement, %s" % ours["dtype"], "", *table(head, rows), *([remark, ""] if remark else [])]


def mib(step, key):
    value = step.get(key + "_mib")
    return None if value is None else round(value)


def gib(value):
    return None if value is None else round(value * 1024)


def sweep(steps, best_rate):
    rows = []
    for s in steps:
        name = s.get("label") or s["adapter"] + (" + MLP" if s["mlp"] else "")
        if "error" in s:
            rows.append([s["model"], s["seconds"], s["batch"], name, s["recompute"], None, None, None, None, None, None, None, None, s["error"]])
            continue
        tflops = s["gflop"] / s["median_ms"] / 1e3
        rows.append([s["model"], s["seconds"], s["batch"], name, s["recompute"], s["median_ms"], s.get("device_ms"),
                     s["tokens"] * s["batch"] / s["median_ms"] * 1e3, s["gflop"] / 1e3, tflops, mib(s, "planned_growth"),
                     mib(s, "growth"), s["loss"], s["grad_norm"]])
        if best_rate:
            rows[-1][9] = "%.3g (%.0f %%)" % (tflops, 100 * tflops / best_rate)
    if not rows:
        return []
    head = ["model", "s", "batch", "adapter", "recompute", "median ms", "device ms", "tokens/s", "TFLOP", "TFLOP/s",
            "planned MiB", "grown MiB", "loss", "gradient norm"]
    note = ["Planned and grown: memory beyond weights and context. Device: between two events around the step.", ""]
    if best_rate:
        note = ["Share of %.0f TFLOP/s, the fastest bf16 product of this run." % best_rate, "", *note]
    return ["## Steps", "", *note, *table(head, rows)]


def find(steps, **wanted):
    return next((s for s in steps if all(s.get(key) == value for key, value in wanted.items())), None)


def derived(steps, torch, best_rate):
    ours = find(steps, label="headline")
    if not ours:
        return []
    same = dict(seconds=ours["seconds"], recompute=ours["recompute"], batch=ours["batch"], model=ours["model"], mlp=False)
    ms = ours["median_ms"]
    rows = []

    def row(name, value, wanted=None):
        if value is not None:
            rows.append([name, value, wanted])

    tuned = find(steps, label="tuned")
    row("step with tuned products against the library's first choice", ratio(tuned and tuned["median_ms"], ms))
    portable = find(steps, label="portable")
    row("step with the portable attention against that of this device", ratio(portable and portable["median_ms"], ms))
    frozen, lokr = find(steps, label="frozen", **same), find(steps, adapter="lokr", **same)
    for other in torch:
        if other["adapter"] == "lora":
            kind = "compiled" if other["compile"] else "checkpointing" if other["checkpointing"] else "plain"
            row("step, times faster than PyTorch, " + kind, ratio(other["step_ms_median"], ms))
            row("grown memory against PyTorch's peak, " + kind, ratio(ours.get("peak_mib"), gib(other["peak_mem_gib"])))
    row("share of the fastest bf16 product", ratio(ours["gflop"] / ms / 1e3, best_rate))
    row("LoRA step against forward and backward of the frozen model", ratio(ms, frozen and frozen["median_ms"]))
    row("LoKr step against LoRA's", ratio(lokr and lokr["median_ms"], ms))
    row("grown memory against the plan", ratio(ours.get("growth_mib"), ours.get("planned_growth_mib")))
    row("memory of the CUDA context and of others, MiB", ours.get("context_mib") if ours.get("device") == "cuda" else None)
    if ours.get("device_ms"):
        row("host's share of a step", 1 - ours["device_ms"] / ms)
    count = SONGS_OF_TUTORIAL * EPOCHS_OF_TUTORIAL
    if ours["seconds"] == 240:
        row("the tutorial's run, hours: %d songs of 240 s, %d epochs = %d steps; extrapolated, not run" %
            (SONGS_OF_TUTORIAL, EPOCHS_OF_TUTORIAL, count), ms * count / 3.6e6)
    return ["## What follows", "", *table(["figure", "value", ""], rows)]


def kernels(stages):
    rows, totals = [], None
    for value in stages.get("kernels", {"values": []})["values"]:
        if value.get("benchmark") == "kernel":
            rows.append([value["name"], value["count"], value["us"], value["floor_us"], ratio(value["us"], value["floor_us"]),
                         value["us"] * value["count"] / 1e3])
        elif value.get("benchmark") == "kernels":
            totals = value
    if not rows:
        return []
    lines = ["## Kernels", "", "Each call of the step's program on its own, many times over; floor: the device's data sheet.", "",
             *table(["call", "count", "us", "floor us", "times the floor", "ms in a step"], sorted(rows, key=lambda r: -r[5]))]
    if totals:
        lines += table(["sum", "ms"], [["calls, each alone", totals["sum_ms"]], ["the program as single calls", totals.get("eager_ms")],
                                       ["the program as a graph", totals.get("graph_ms")], ["floor", totals["floor_ms"]]])
    return lines
