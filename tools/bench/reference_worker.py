"""The PyTorch side of `npm run bench`. Needs torch; the model is tools/reference/acestep_torch.py.

  make FOLDER --layers N --seconds S --cond C --rank R   writes a decoder of the 2B shape (random bf16 weights), one
                                                         batch and two fresh adapters, for both sides to load
  make-vae FOLDER --seconds S                            the same for the autoencoder in its published size
  step FOLDER --adapter lora|lokr | vae FOLDER           loads it and then works once for each line on stdin

A worker prints one JSON object when it is ready and one for each run.
"""
import argparse
import json
import math
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import acestep_torch as ace  # noqa: E402


def say(**fields):
    print(json.dumps(fields), flush=True)


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(run):
    for _ in sys.stdin:
        start = time.perf_counter()
        result = run()
        say(ms=(time.perf_counter() - start) * 1e3, peakBytes=peak_bytes(), **result)


def random_decoder(config):
    """Random weights that keep activations of a trained model's size; norms are ones, tables small."""
    dit = ace.DiT(config)
    for name, p in dit.named_parameters():
        if name.endswith("scale_shift_table"):
            p.data = torch.randn_like(p) * 0.1
    return dit


def make(a):
    torch.manual_seed(0)
    sizes = {"2b": ace.config_2b, "tiny": ace.config_tiny}[a.model]
    config = sizes(num_hidden_layers=a.layers, layer_types=None)
    model = os.path.join(a.folder, "model")
    dit = random_decoder(config)
    weights = {"decoder." + k: v.bfloat16() for k, v in dit.state_dict().items()}
    weights["null_condition_emb"] = (torch.randn(1, 1, config.hidden_size) * 0.1).bfloat16()
    ace.save_safetensors(os.path.join(model, "model.safetensors"), weights)
    with open(os.path.join(model, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
    frames = int(a.seconds * 25)
    batch = {"latents": torch.randn(frames, 64), "noise": torch.randn(frames, 64),
             "context": torch.randn(frames, 128), "condition": torch.randn(a.cond, config.hidden_size)}
    meta = {"frames": str(frames), "rank": str(a.rank), "timestep": "0.5"}
    ace.save_safetensors(os.path.join(a.folder, "batch.safetensors"), batch, meta)
    for kind in ("lora", "lokr"):
        plain = ace.DiT(config)
        adapters = ace.add_adapters(plain, kind, a.rank, a.rank)
        write_adapter(os.path.join(a.folder, kind), kind, a.rank, ace.adapter_file_tensors(adapters))


def write_adapter(folder, kind, rank, tensors):
    targets = list(ace.ATTENTION_TARGETS)
    if kind == "lora":
        ace.save_safetensors(os.path.join(folder, "adapter_model.safetensors"), tensors)
        with open(os.path.join(folder, "adapter_config.json"), "w") as f:
            json.dump(dict(peft_type="LORA", task_type="FEATURE_EXTRACTION", r=rank, lora_alpha=rank, lora_dropout=0.0,
                           bias="none", target_modules=targets, use_dora=False, use_rslora=False), f, indent=2)
        return
    settings = dict(linear_dim=rank, linear_alpha=rank, factor=-1, decompose_both=False, use_tucker=False,
                    use_scalar=False, weight_decompose=False, target_modules=targets, full_matrix=False)
    meta = {"algo": "lokr", "format": "lycoris", "lokr_config": json.dumps(settings)}
    ace.save_safetensors(os.path.join(folder, "lokr_weights.safetensors"), tensors, meta)


def load_adapter(folder, kind, dit, rank):
    adapters = ace.add_adapters(dit, kind, rank, rank)
    name = "adapter_model.safetensors" if kind == "lora" else "lokr_weights.safetensors"
    stored, _ = ace.load_safetensors(os.path.join(folder, kind, name))
    for path, adapter in adapters.items():
        lora = "base_model.model.%s." % path
        lycoris = "lycoris_%s." % path.replace(".", "_")
        for key, value in adapter.tensors().items():
            if isinstance(value, torch.nn.Parameter):
                value.data.copy_(stored[(lora if kind == "lora" else lycoris) + key])
    return [p for adapter in adapters.values() for p in adapter.parameters() if p.requires_grad]


def step(a):
    base = resident_bytes()
    config = ace.Config.load(os.path.join(a.folder, "model"))
    dit = ace.DiT(config)
    dit.load_state_dict({k[len("decoder."):]: v.float()
                         for k, v in ace.load_folder(os.path.join(a.folder, "model")).items()
                         if k.startswith("decoder.")})
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[a.dtype]
    dit.to(a.device, dtype)
    batch, meta = ace.load_safetensors(os.path.join(a.folder, "batch.safetensors"))
    dit.requires_grad_(False)
    params = load_adapter(a.folder, a.adapter, dit, int(meta["rank"]))
    optimizer = torch.optim.AdamW(params, lr=1e-4, weight_decay=0.01)
    dit.train()
    batch = {name: tensor[None].to(a.device, dtype) for name, tensor in batch.items()}
    x0, noise, condition, context = (batch[name] for name in ("latents", "noise", "condition", "context"))
    t = torch.tensor([float(meta["timestep"])], device=a.device, dtype=dtype)
    target = (noise - x0).float()

    def run():
        velocity = dit(t * noise + (1 - t) * x0, t, t, condition, context)
        loss = F.mse_loss(velocity.float(), target)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return dict(loss=float(loss), gradNorm=float(norm))

    say(ready=True, torch=torch.__version__, baseBytes=base, threads=torch.get_num_threads())
    serve(run)


def make_vae(a):
    torch.manual_seed(0)
    vae = ace.Oobleck()
    ace.init_vae(vae, torch.Generator().manual_seed(0))
    weights = {k: v.bfloat16() for k, v in vae.state_dict().items()}
    ace.save_safetensors(os.path.join(a.folder, "vae", "diffusion_pytorch_model.safetensors"), weights)
    with open(os.path.join(a.folder, "vae", "config.json"), "w") as f:
        json.dump(dict(_class_name="AutoencoderOobleck", audio_channels=2, channel_multiples=[1, 2, 4, 8, 16],
                       decoder_channels=128, decoder_input_channels=64, downsampling_ratios=[2, 4, 4, 6, 10],
                       encoder_hidden_size=128, sampling_rate=48000), f, indent=2)
    wave = (torch.rand(2, int(a.seconds * 48000)) - 0.5).float()
    ace.save_safetensors(os.path.join(a.folder, "wave.safetensors"), {"wave": wave})


def vae(a):
    base = resident_bytes()
    network = ace.Oobleck()
    network.load_state_dict({k: v.float() for k, v in
                             ace.load_folder(os.path.join(a.folder, "vae"), "diffusion_pytorch_model").items()})
    wave = ace.load_safetensors(os.path.join(a.folder, "wave.safetensors"))[0]["wave"][None]
    # What an inference-minded user would do: fold the weight norm once.
    fold(network)

    def run():
        with torch.no_grad():
            mean, std = network.encode(wave)
        return dict(meanNorm=float(mean.double().norm()), stdNorm=float(std.double().norm()))

    say(ready=True, torch=torch.__version__, baseBytes=base, threads=torch.get_num_threads())
    serve(run)


def fold(network):
    for module in network.modules():
        if isinstance(module, ace.WNConv):
            norm = module.weight_v.detach().flatten(1).norm(dim=1)[:, None, None]
            weight = module.weight_v.detach() * (module.weight_g.detach() / norm)
            module.forward = (lambda m, w: lambda x: m.op(x, w, m.bias, **m.args))(module, weight)


def rate(a):
    """GFLOP/s of a 1024 x 2048 x 2048 product: which OPENBLAS_CORETYPE is right is measured, not guessed."""
    x, w = torch.randn(1024, 2048), torch.randn(2048, 2048)
    best = math.inf
    for _ in range(8):
        start = time.perf_counter()
        F.linear(x, w)
        best = min(best, time.perf_counter() - start)
    say(gflops=2 * 1024 * 2048 * 2048 / best / 1e9, torch=torch.__version__)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sub = p.add_subparsers(dest="job", required=True)
    for name in ("make", "make-vae", "step", "vae", "rate"):
        s = sub.add_parser(name)
        s.add_argument("folder", nargs="?", default=".")
        s.add_argument("--threads", type=int, default=2)
        s.add_argument("--layers", type=int, default=2)
        s.add_argument("--model", default="2b", choices=["2b", "tiny"])
        s.add_argument("--seconds", type=float, default=60)
        s.add_argument("--cond", type=int, default=769)
        s.add_argument("--rank", type=int, default=64)
        s.add_argument("--adapter", default="lora", choices=["lora", "lokr"])
        s.add_argument("--device", default="cpu")
        s.add_argument("--dtype", default="f32", choices=["f32", "bf16"])
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    {"make": make, "make-vae": make_vae, "step": step, "vae": vae, "rate": rate}[a.job](a)


if __name__ == "__main__":
    main()
