"""Writes the small .pt fixtures of packages/dataset/test/fixtures/torch: what torch.save makes of the official
trainer's and Side-Step's layouts, and of an object that would run a command when a pickle is loaded carelessly.
Usage: python3 tools/reference/make_torch_tensors.py packages/dataset/test/fixtures/torch
"""
import hashlib, json, os, sys
import torch

root = sys.argv[1]
torch.manual_seed(0)
WIDTH, CHANNELS, LENGTH = 8, 64, 10
silence = torch.randn(40, CHANNELS).to(torch.bfloat16)


def song(frames, valid, dtype, metadata, context=None):
    mask = torch.arange(LENGTH) < valid
    source = silence[:frames] if context is None else context
    return {
        "target_latents": torch.randn(frames, CHANNELS).to(dtype),
        "attention_mask": torch.ones(frames, dtype=dtype),
        "encoder_hidden_states": torch.randn(LENGTH, WIDTH).to(dtype),
        "encoder_attention_mask": mask,
        "context_latents": torch.cat([source.to(dtype), torch.ones(frames, CHANNELS, dtype=dtype)], -1),
        "metadata": metadata,
    }


def words(name, **more):
    return {"audio_path": f"/songs/{name}.wav", "filename": f"{name}.wav", "caption": f"{name}, piano",
            "lyrics": "[Verse]\nla la", "duration": 3, "bpm": 120, "keyscale": "C major",
            "timesignature": "4", "is_instrumental": False, **more}


official = os.path.join(root, "official")
side_step = os.path.join(root, "side-step")
os.makedirs(official, exist_ok=True)
os.makedirs(side_step, exist_ok=True)
torch.save(song(12, 7, torch.bfloat16, words("a", language="en", preprocess_mode="lora")), f"{official}/1a2b.pt")
torch.save(song(20, 9, torch.bfloat16, words("b", language="de", preprocess_mode="lora")), f"{official}/3c4d.pt")
own = torch.randn(16, CHANNELS)
torch.save(song(16, 5, torch.bfloat16, words("c", preprocess_mode="lokr"), own), f"{official}/5e6f.pt")
with open(f"{official}/manifest.json", "w") as file:
    json.dump({"metadata": {"name": "set", "custom_tag": "zxc"},
               "samples": ["1a2b.pt", "3c4d.pt", "5e6f.pt"], "num_samples": 3}, file, indent=1)

extra = {"genre": "bells", "custom_tag": "zxc", "prompt_override": None, "repeat": 3}
torch.save(song(14, 6, torch.float32, words("d", **extra)), f"{side_step}/folder__d.pt")
torch.save({"latent_length": 3}, f"{side_step}/left.tmp.pt")
with open(f"{side_step}/folder__d.pt", "rb") as file:
    md5 = hashlib.md5(file.read()).hexdigest()
with open(f"{side_step}/preprocess_meta.json", "w") as file:
    json.dump({"model_variant": "turbo", "custom_tag": "zxc", "tag_position": "prepend", "genre_ratio": 0,
               "normalize": "none", "total": 1, "processed": 1, "failed": 0,
               "checksums": {"folder__d.pt": md5}}, file, indent=1)


class Command:
    def __reduce__(self):
        return (os.system, ("touch /tmp/acewright-was-run",))


torch.save({"target_latents": Command()}, os.path.join(root, "runs-a-command.pt"))
