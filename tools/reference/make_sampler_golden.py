"""Latents that the reference's samplers make with the toy checkpoint, in float64, from given noise.

    python3 tools/reference/make_sampler_golden.py packages/trainer/test/golden/sampler.safetensors

Needs torch.  The words are clip 0's conditions of toy/expected.safetensors; noise and context are stored with the answers.
"""
import os
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import acestep_torch as ace  # noqa: E402

FRAMES = 48


def main(path):
    folder = os.path.join(here, "toy", "checkpoints", "acestep-v15-toy")
    model = ace.AceStep(ace.Config.load(folder))
    model.load_state_dict(ace.load_folder(folder), strict=True)
    model = model.double().eval()
    data = ace.load_safetensors(os.path.join(here, "toy", "expected.safetensors"))[0]
    cond = data["cond.0"].double()[None]
    context = data["context"].double()[None, :FRAMES]
    noise = torch.randn(1, FRAMES, 64, generator=torch.Generator().manual_seed(20)).float().double()
    out = {"noise": noise[0], "condition": cond[0], "context": context[0]}
    for shift in (1.0, 3.0):
        out[f"turbo.shift{shift:g}"] = model.sample_turbo(noise, cond, context, ace.turbo_times(shift))[0]
    out["base.guidance7.steps12"] = model.sample_guided(noise, cond, context, 12, 7.0)[0]
    out["base.guidance4.steps12.interval"] = model.sample_guided(noise, cond, context, 12, 4.0, 1.0, (0.2, 0.8))[0]
    out["sft.guidance5.steps10.shift3"] = model.sample_guided(noise, cond, context, 10, 5.0, 3.0)[0]
    out["sft.plain.steps10.shift3"] = model.sample_guided(noise, cond, context, 10, 1.0, 3.0)[0]
    ace.save_safetensors(path, {k: v.float().contiguous() for k, v in out.items()}, {"format": "pt"})


main(sys.argv[1])
