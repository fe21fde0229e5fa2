#!/usr/bin/env python3
"""That learning is real, kind by kind: training curves on the toy checkpoint's three clips -> toy/learning.json + learning.safetensors.

make_learning.py [RUN...]   the curves (or only these), in float64, by the adapters of acestep_torch.py
make_learning.py --peft     nothing is written: the same curves by the layers of the PEFT package, and how far they are from those

The data, noises, timesteps and the order of the steps are those of toy/expected.json. LoRA and its kin begin at that file's
`init.lora`, LoKr at `init.lokr`, LoHa at `init.loha` of learning.safetensors; magnitudes begin at the row norms.
torch.optim.Muon and the Adafactor of the transformers package need torch 2.9 or newer and that package.
"""
import importlib.metadata
import json
import os
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "toy")]
import acestep_torch as ace  # noqa: E402
import make_toy as toy  # noqa: E402

FOLDER = os.path.join(here, "toy")
EVERY = 10

LORA = dict(kind="lora", rank=8, alpha=16.0, lr=2e-3, init="lora")
RUNS = {
    "rslora": dict(LORA, rsLora=True, alpha=8.0),
    "dora": dict(LORA, kind="dora"),
    "loha": dict(kind="loha", rank=4, alpha=4.0, lr=5e-3, init="loha"),
    "lokr_dora": dict(kind="lokr", rank=4, alpha=4.0, lr=5e-3, init="lokr", weightDecompose=True),
    # At lr 2e-3 float32 and float64 part company after 250 steps by the growth of their rounding: nothing could be told from it.
    "lora_adafactor": dict(LORA, lr=5e-4, optimizer=dict(
        kind="adafactor", beta1=0, decayExponent=-0.8, clipThreshold=1, squaresEpsilon=1e-30, scaleEpsilon=1e-3, weightDecay=0.01)),
    "lora_muon": dict(LORA, optimizer=dict(
        kind="muon", beta1=0.9, beta2=0.999, epsilon=1e-8, momentum=0.95, nesterov=True, matchAdamw=True, weightDecay=0.01)),
}


def own_adapters(decoder, spec):
    """{path: {name in files: parameter}} of acestep_torch's adapters."""
    kw = dict(rs=True) if spec.get("rsLora") else {}
    kw.update(dora=True) if spec.get("weightDecompose") else None
    ads = ace.add_adapters(decoder, spec["kind"], spec["rank"], spec["alpha"], **kw)
    return {path: {k: v for k, v in ad.tensors().items() if isinstance(v, torch.nn.Parameter)} for path, ad in ads.items()}


def peft_adapters(decoder, spec):
    """The same by PEFT's layers; undefined (None) for what PEFT has no layer of."""
    import peft
    common = dict(r=spec["rank"], target_modules=list(ace.ATTENTION_TARGETS))
    if spec["kind"] in ("lora", "dora"):
        config = peft.LoraConfig(**common, lora_alpha=spec["alpha"], use_dora=spec["kind"] == "dora", use_rslora=bool(spec.get("rsLora")))
        names = {"lora_A": "lora_A.weight", "lora_B": "lora_B.weight", "lora_magnitude_vector": "lora_magnitude_vector"}
    elif spec["kind"] == "loha":
        config = peft.LoHaConfig(**common, alpha=spec["alpha"])
        names = {k: k for k in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")}
    else:
        return None
    targets = {p for p, mod in decoder.named_modules() if p.startswith("layers.") and p.rsplit(".", 1)[-1] in ace.ATTENTION_TARGETS}
    peft.inject_adapter_in_model(config, decoder)
    found = {}
    for path in targets:
        layer = decoder.get_submodule(path)
        own = {}
        for part, name in names.items():
            if not hasattr(layer, part) or "default" not in getattr(layer, part):
                continue
            held = getattr(layer, part)["default"]
            own[name] = held if isinstance(held, torch.nn.Parameter) else held.weight
        found[path] = own
    return found


def optimizer_of(spec, params):
    how = spec.get("optimizer", dict(kind="adamw"))
    if how["kind"] == "adamw":
        return torch.optim.AdamW(params, lr=spec["lr"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    if how["kind"] == "muon":
        # torch's Muon orthogonalises in bfloat16, and a curve with that noise in it cannot be held to 1 %; ours keeps float32.
        torch.Tensor.bfloat16 = torch.Tensor.clone
        return torch.optim.Muon(params, lr=spec["lr"], weight_decay=0.01, momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw")
    from transformers.optimization import Adafactor
    return Adafactor(params, lr=spec["lr"], eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=0.01,
                     scale_parameter=False, relative_step=False, warmup_init=False)


def file_name(kind, path, part):
    return f"base_model.model.{path}.{part}" if kind in ("lora", "dora") else f"lycoris_{path.replace('.', '_')}.{part}"


def curve(data, inits, spec, adapters_of):
    """(losses of every 10th step, validation before every 10th step and after the last, trained numbers), all in float64."""
    class Arguments:
        out = FOLDER
    m = toy.open_dit(Arguments).double()
    m.requires_grad_(False)
    ads = adapters_of(m.decoder, spec)
    if ads is None:
        return None
    m = m.double()
    for path in sorted(ads):
        for part, p in ads[path].items():
            given = inits.get("init.%s.%s" % (spec["init"], file_name(spec["kind"], path, part)))
            if given is not None:
                p.data.copy_(given)
            elif part not in ("lora_magnitude_vector", "dora_scale"):
                p.data.zero_()
    params = [ads[path][part] for path in sorted(ads) for part in ads[path]]
    for p in params:
        p.requires_grad_(True)
    m.eval()  # no dropout; the layers train all the same
    opt = optimizer_of(spec, params)
    clip = lambda part, k: toy.total(m, data, part, k, torch.float64)
    val = lambda: float(sum(clip("val", k) for k in range(toy.VAL_SETS)) / toy.VAL_SETS)
    train, vals = [], []
    for k in range(toy.STEPS):
        loss = clip("train", k % toy.SETS)
        if k % EVERY == 0:
            train.append(float(loss.detach()))
            with torch.no_grad():
                vals.append(val())
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        vals.append(val())
    return train, vals, sum(p.numel() for p in params)


def loha_init(spec):
    """LyCORIS' start of a LoHa (w1_b, w2_b normal, w1_a a tenth of that, w2_a zero), kept in bf16 and used with exactly that value."""
    class Arguments:
        out = FOLDER
    torch.manual_seed(3)
    ads = ace.add_adapters(toy.open_dit(Arguments).decoder, "loha", spec["rank"], spec["alpha"])
    drawn = {"init.loha." + k: v.to(torch.bfloat16) for k, v in ace.adapter_file_tensors(ads).items()}
    return {k: v for k, v in drawn.items() if v.numel() > 1 and bool(v.any())}


def main():
    by_peft = "--peft" in sys.argv[1:]
    torch.set_num_threads(1)
    data = ace.load_safetensors(os.path.join(FOLDER, "expected.safetensors"))[0]
    if by_peft:
        with open(os.path.join(FOLDER, "learning.json")) as f:
            was = json.load(f)["runs"]
        own = ace.load_safetensors(os.path.join(FOLDER, "learning.safetensors"))[0]
        for name, spec in {"lora": LORA, **RUNS}.items():
            found = curve(data, {**data, **own}, spec, peft_adapters)
            if found is None:
                print(name, "has no layer in PEFT")
                continue
            if name == "lora":
                with open(os.path.join(FOLDER, "expected.json")) as f:
                    was["lora"] = json.load(f)["runs"]["lora"]
            worst = lambda x, y: max(abs(p - q) / q for p, q in zip(x, y))
            print("%s by PEFT %s: validation %.4f -> %.4f, worst relative difference %.1e" % (
                name, importlib.metadata.version("peft"), found[1][0], found[1][-1],
                max(worst(found[0], was[name]["train_loss"]), worst(found[1], was[name]["val_loss"]))), flush=True)
        return
    path = os.path.join(FOLDER, "learning.json")
    own = loha_init(RUNS["loha"])
    ace.save_safetensors(os.path.join(FOLDER, "learning.safetensors"), own, {
        "about": "init.<run>.<file name>: adapter tensors at step 0 of learning.json, those not listed are zero"})
    wanted = sys.argv[1:] or list(RUNS)
    runs = {}
    if os.path.exists(path):
        with open(path) as f:
            runs = json.load(f)["runs"]
    for name in wanted:
        train, vals, count = curve(data, {**data, **own}, RUNS[name], own_adapters)
        print("%s: %d parameters, validation %.4f -> %.4f" % (name, count, vals[0], vals[-1]), flush=True)
        runs[name] = dict(RUNS[name], parameters=count, train_loss=train, val_loss=vals)
    toy.write_json(path, dict(
        about="Training curves by make_learning.py, in float64, laid out and driven as those of expected.json: step k uses noise set "
              "k % 16; train_loss[j] is that of step 10 j, val_loss[j] the validation before it, its last entry the one after step 299. "
              "AdamW as there unless `optimizer` names another.",
        made_with={p: importlib.metadata.version(p) for p in ("torch", "transformers")},
        steps=toy.STEPS, runs=runs), 1)


main()
