"""Runs the reference decoder with an adapter folder of ours and writes its velocity.

apply_adapter.py REFERENCE_DIR MODEL_DIR ADAPTER_FILE INPUTS.safetensors OUTPUT.safetensors KIND_JSON
KIND_JSON: {"kind", "rank", "alpha", "targets", "options"} as acestep_torch.add_adapters takes them.
"""
import json
import sys

import torch

sys.path.insert(0, sys.argv[1])
import acestep_torch as ace  # noqa: E402

model_dir, adapter_file, inputs_file, output_file = sys.argv[2:6]
how = json.loads(sys.argv[6])
torch.set_num_threads(1)
model = ace.AceStep(ace.Config.load(model_dir))
model.load_state_dict({k: v.float() for k, v in ace.load_folder(model_dir).items()}, strict=True)
adapters = ace.add_adapters(model.decoder, how["kind"], how["rank"], how["alpha"], how["targets"], **how["options"])
stored, _ = ace.load_safetensors(adapter_file)
left = dict(stored)
for path, adapter in adapters.items():
    peft = isinstance(adapter, ace.LoRA)
    prefix = f"base_model.model.{path}." if peft else f"lycoris_{path.replace('.', '_')}."
    for name, parameter in adapter.tensors().items():
        value = left.pop(prefix + name)
        if isinstance(parameter, torch.nn.Parameter):
            parameter.data.copy_(value)
        else:
            assert abs(float(value) - float(parameter)) < 1e-6, prefix + name
assert not left, f"tensors without a place: {sorted(left)[:3]}"
x, _ = ace.load_safetensors(inputs_file)
t = x["t"]
with torch.no_grad():
    velocity = model.decoder(x["x"], t, t, x["cond"], x["context"])
ace.save_safetensors(output_file, {"velocity": velocity.float()})
