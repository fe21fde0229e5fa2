"""Keeps the results of bench/gpu.sh: one JSON file, added to after every stage, and its table beside it.

  gpu_results.py FILE start --dry-run | --measured
  gpu_results.py FILE finish
  gpu_results.py FILE stage NAME --status WORD [--code N] [--seconds S] [--log LOG]

Whatever JSON objects a stage printed become its values; of a stage that did not pass the end of the log is kept too. Both
files are replaced in one move, so a run that is cut off leaves what was there. Exit code 1: the stage's own numbers say
that it failed (tests that were all skipped, a run that printed an error).
"""
import argparse
import json
import os
import sys

import gpu_table


def load(path):
    if not os.path.exists(path):
        return {"dry_run": False, "machine": {}, "stages": []}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def replace(path, text):
    temporary = path + ".part"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save(path, report):
    replace(path, json.dumps(report, indent=1) + "\n")
    replace(os.path.splitext(path)[0] + ".md", gpu_table.render(report))


def objects(text):
    """Every JSON object that begins at the start of a line, over one line or several."""
    decoder = json.JSONDecoder()
    found, at = [], 0
    while True:
        at = text.find("{", at)
        if at < 0:
            return found
        if at > 0 and text[at - 1] != "\n":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
            found.append(value)
        except ValueError:
            at += 1


def brief(value):
    """The golden report without its hundreds of errors."""
    if "cases" not in value:
        return value
    failed = [case["name"] for case in value["cases"] if not case["passed"]]
    return {"passed": len(value["cases"]) - len(failed), "failed": len(failed), "skipped": 0, "names": failed,
            "worst": value.get("worst")}


def says_failure(values, dry):
    """What the exit code of a stage does not tell."""
    for value in values:
        if "error" in value and value.get("code") != "ERR_OUT_OF_MEMORY":
            return True  # no room for a long song is a result
        if {"passed", "failed", "skipped"} <= set(value) and not dry and value["passed"] == 0:
            return True  # on a machine with a GPU nothing may be skipped away
    return False


def disagreement(values):
    """Why the two sides of the agreement stage do not agree, or None. bf16: 2^-8 a rounding, in other orders."""
    theirs = [value for value in values if "gradNorm" in value]
    ours = [value for value in values if value.get("label") == "agreement"]
    if not theirs or not ours:
        return "one side printed nothing"
    bound_loss, bound_norm = (0.01, 0.05) if ours[0]["dtype"] == "bf16" else (1e-5, 1e-4)
    for step, their, prefix in (("first", theirs[0], "first_"), ("last", theirs[-1], "")):
        for what, key, own, bound in (("loss", "loss", "loss", bound_loss), ("gradient norm", "gradNorm", "grad_norm", bound_norm)):
            mine = ours[0][prefix + own]
            if not abs(mine / their[key] - 1) <= bound:
                return "%s step: %s %.6g here, %.6g in PyTorch" % (step, what, mine, their[key])
    return None


def add_stage(report, a):
    text = ""
    if a.log:
        with open(a.log, encoding="utf-8", errors="replace") as file:
            text = file.read()
    values = [brief(value) for value in objects(text)]
    for value in values:
        report["machine"].update(value.get("machine", {}))
    values = [value for value in values if "machine" not in value]
    failed = says_failure(values, report["dry_run"])
    remark = disagreement(values) if a.name == "agreement" and a.status == "passed" else None
    failed = failed or remark is not None
    stage = {"name": a.name, "status": "failed" if failed and a.status == "passed" else a.status, "code": a.code,
             "seconds": a.seconds, "values": values}
    if remark:
        stage["remark"] = remark
    if stage["status"] in ("failed", "cut off"):
        stage["tail"] = text.splitlines()[-25:]
    report["stages"] = [kept for kept in report["stages"] if kept["name"] != a.name] + [stage]
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("action", choices=["start", "stage", "finish"])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--status", default="passed")
    parser.add_argument("--code", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--log")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--measured", dest="dry_run", action="store_false")
    a = parser.parse_args()
    report = load(a.file)
    if a.action == "start":
        report["dry_run"] = a.dry_run
    failed = add_stage(report, a) if a.action == "stage" else False
    report["complete"] = a.action == "finish"
    save(a.file, report)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
