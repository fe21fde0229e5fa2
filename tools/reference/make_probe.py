#!/usr/bin/env python3
"""How strongly each frozen linear of the toy checkpoint pulls on the loss, by torch's autograd in float64 -> toy/probe.json.

For each of the three clips, with noise set 0 of toy/expected.safetensors: the loss, and by linear of the decoder's layers the squared
Frobenius norm of the gradient of its whole weight.
"""
import os
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "toy")]
import acestep_torch as ace  # noqa: E402
import make_toy as toy  # noqa: E402

FOLDER = os.path.join(here, "toy")


def main():
    class Arguments:
        out = FOLDER
    torch.set_num_threads(1)
    data = ace.load_safetensors(os.path.join(FOLDER, "expected.safetensors"))[0]
    m = toy.open_dit(Arguments).double()
    m.requires_grad_(False)
    linears = {path: mod for path, mod in m.decoder.named_modules()
               if path.startswith("layers.") and path.rsplit(".", 1)[-1].endswith("_proj")}
    for mod in linears.values():
        mod.weight.requires_grad_(True)
    w = lambda name, *i: (data[name][i] if i else data[name])[None].double()
    clips = []
    for i in range(3):
        loss = m.loss(w("x0.%d" % i), w("train.noise", 0, i), w("train.t", 0, i), w("cond.%d" % i), w("context"))
        m.zero_grad()
        loss.backward()
        clips.append(dict(loss=float(loss.detach()),
                          squared_norms={path: float((mod.weight.grad ** 2).sum()) for path, mod in sorted(linears.items())}))
    toy.write_json(os.path.join(FOLDER, "probe.json"), dict(
        about="gradients of whole base weights by torch's autograd in float64: make_probe.py; clip i with noise and t of set 0",
        clips=clips))


if __name__ == "__main__":
    main()
