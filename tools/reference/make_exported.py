#!/usr/bin/env python3
"""What each client makes of our exported adapters: expected.json + expected.safetensors of tools/reference/exported.

make_exported.py EXPORTS_DIR

EXPORTS_DIR holds `<case>.<format>/` as packages/trainer/test/export/formats.test.ts writes them when it is run with
ACEWRIGHT_KEEP_EXPORTS=EXPORTS_DIR.  Each file is applied to the tiny golden model by its client's own rule (facts of PEFT,
LyCORIS, diffusers and of ComfyUI 0.3.77's weight adapters; the code is our own) and the decoder's velocity is recorded,
together with a digest of the tensors it was computed from.
"""
import glob
import hashlib
import json
import math
import os
import re
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import acestep_torch as ace  # noqa: E402

tiny = os.path.join(here, "golden", "tiny")
torch.set_num_threads(1)


def fresh():
    model = ace.AceStep(ace.Config.load(os.path.join(tiny, "model")))
    model.load_state_dict({k: v.float() for k, v in ace.load_folder(os.path.join(tiny, "model")).items()}, strict=True)
    return model


def grouped(tensors, prefix, flat=False):
    """{module path: {part: tensor}}; every name must begin with the prefix."""
    out = {}
    for name, value in tensors.items():
        assert name.startswith(prefix), f"{name}: the client looks for {prefix}"
        path, part = re.match(r"(.+?)\.((?:lora|lokr|hada|alpha|dora)[\w.]*)$", name[len(prefix):]).groups()
        if flat:
            path = re.sub(r"^layers_(\d+)_(self_attn|cross_attn|mlp)_", r"layers.\1.\2.", path)
        out.setdefault(path, {})[part] = value.float()
    return out


def row_norm(w):
    return w.norm(dim=1, keepdim=True)


def peft_weight(w, parts, scale):
    """W + scale B A, its rows brought to the magnitude vector where there is one."""
    parts = dict(parts)
    a, b = parts.pop("lora_A.weight"), parts.pop("lora_B.weight")
    m = parts.pop("lora_magnitude_vector", None)
    assert not parts, f"PEFT has no {sorted(parts)}"
    w1 = w + scale * (b @ a)
    return w1 if m is None else w1 * (m[:, None] / row_norm(w1))


def lycoris_delta(parts):
    """LoKr or LoHa as LyCORIS and ComfyUI both read it: alpha / dim where a low-rank pair tells the dim, else 1."""
    alpha = float(parts["alpha"])
    if "hada_w1_a" in parts:
        dim = parts["hada_w1_b"].shape[0]
        return (parts["hada_w1_a"] @ parts["hada_w1_b"]) * (parts["hada_w2_a"] @ parts["hada_w2_b"]) * (alpha / dim)
    dim = None
    factors = []
    for word in ("lokr_w1", "lokr_w2"):
        if word in parts:
            factors.append(parts[word])
        else:
            dim = parts[word + "_b"].shape[0]
            factors.append(parts[word + "_a"] @ parts[word + "_b"])
    return torch.kron(factors[0], factors[1]) * (1.0 if dim is None else alpha / dim)


def comfy_weight(w, parts):
    if "lora_up.weight" in parts:
        up, down = parts["lora_up.weight"], parts["lora_down.weight"]
        known = {"lora_up.weight", "lora_down.weight", "alpha", "dora_scale"}
        assert set(parts) <= known, f"ComfyUI has no {sorted(set(parts) - known)}"
        delta = (up @ down) * (float(parts["alpha"]) / down.shape[0] if "alpha" in parts else 1.0)
    else:
        delta = lycoris_delta(parts)
    w1 = w + delta
    if "dora_scale" not in parts:
        return w1
    # ComfyUI's rule: rows are divided by the norm of W, not of W + delta.
    return w1 * (parts["dora_scale"] / (row_norm(w) + torch.finfo(torch.float32).eps))


def apply(folder, fmt):
    model = fresh()
    if fmt == "merged":
        model.load_state_dict({k: v.float() for k, v in ace.load_folder(folder).items()}, strict=True)
        return model, None
    file = [f for f in sorted(glob.glob(os.path.join(folder, "*.safetensors")))][0]
    tensors, _ = ace.load_safetensors(file)
    flat = next(iter(tensors)).startswith("lycoris_")
    prefix = {
        "peft": "base_model.model.", "diffusers": "base_model.model.", "bare": "", "lycoris": "lycoris_",
        "comfyui": "lycoris_" if flat else "base_model.model.", "comfyui-generic": "diffusion_model.decoder.",
    }[fmt]
    config = json.load(open(os.path.join(folder, "adapter_config.json"))) if fmt == "peft" else None
    if fmt in ("diffusers", "bare"):
        assert not any(k.endswith(".alpha") for k in tensors), "diffusers refuses alpha tensors"
    for path, parts in grouped(tensors, prefix, flat).items():
        weight = model.decoder.get_submodule(path).weight
        w = weight.detach().clone()
        if fmt == "peft":
            match = lambda pattern, default: next(
                (v for k, v in pattern.items() if re.match(rf"(.*\.)?({k})$", path)), default)
            rank, alpha = match(config["rank_pattern"], config["r"]), match(config["alpha_pattern"], config["lora_alpha"])
            assert parts["lora_A.weight"].shape[0] == rank, path
            new = peft_weight(w, parts, alpha / (math.sqrt(rank) if config["use_rslora"] else rank))
        elif fmt in ("diffusers", "bare"):
            new = peft_weight(w, parts, 1.0)
        elif fmt == "lycoris":
            new = w + lycoris_delta(parts)
            if "dora_scale" in parts:
                new = new * (parts["dora_scale"] / (row_norm(new) + torch.finfo(torch.float32).eps))
        else:
            new = comfy_weight(w, parts)
        weight.data.copy_(new)
    return model, tensors


def digest(tensors):
    """SHA-256 over names and bytes, by name."""
    h = hashlib.sha256()
    for name in sorted(tensors):
        h.update(name.encode())
        h.update(tensors[name].contiguous().numpy().tobytes())
    return h.hexdigest()


def main():
    x, _ = ace.load_safetensors(os.path.join(tiny, "decoder_short.safetensors"))
    t = torch.full((1,), 0.625)
    velocities, digests = {}, {}
    for folder in sorted(glob.glob(os.path.join(sys.argv[1], "*.*"))):
        case = os.path.basename(folder)
        model, tensors = apply(folder, case.split(".")[1])
        with torch.no_grad():
            v = model.decoder(x["in.x"], t, t, x["in.cond"], x["in.context"])
        velocities[case] = v.float()
        if tensors is not None:
            digests[case] = digest(tensors)
        print(case, f"{float(v.abs().max()):.4f}")
    out = os.path.join(here, "exported")
    ace.save_safetensors(os.path.join(out, "expected.safetensors"), velocities)
    json.dump(digests, open(os.path.join(out, "digests.json"), "w"), indent=2)
    open(os.path.join(out, "digests.json"), "a").write("\n")


main()
