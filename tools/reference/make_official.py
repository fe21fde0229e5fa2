"""The condition of the toy's first clip as the official trainer makes it: both prompts padded to their fixed lengths
(256 text, 512 lyric tokens), bare lyrics, one zero frame as timbre, padded places kept.
Usage: python3 tools/reference/make_official.py packages/dataset/test/fixtures/official-condition.safetensors
"""
import os, sys
import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "toy")]
import acestep_torch as ace
import make_toy as toy


class Arguments:
    out = os.path.join(here, "toy")


tok, q = toy.open_text(Arguments)
model = toy.open_dit(Arguments)
name, eighth, key, caption, lyric = toy.ADAPT[0]
samples = toy.read_audio(os.path.join(toy.adapt_folder(Arguments), name + ".flac"))
facts = dict(caption=caption, bpm=round(750 / eighth), timesignature="7", keyscale=toy.KEYS[key] + " phrygian",
             duration=int(samples.shape[1] / toy.SR))
pad = tok("")[0]  # <|endoftext|>, which is also what the tokenizer appends


def padded(ids, length):
    ids = ids[:length]
    return torch.tensor([ids + [pad] * (length - len(ids))]), (torch.arange(length) < len(ids))[None]


text, text_keep = padded(tok(toy.prompt(facts)), 256)
lyrics, lyric_keep = padded(tok("[Verse]\n" + lyric), 512)
with torch.no_grad():
    states = q(text)  # no mask: padding is read like words
    cond, keep = model.encoder(states, text_keep, q.embed_tokens(lyrics), lyric_keep, torch.zeros(1, 1, 64),
                               torch.tensor([0]))
print(cond.shape, int(keep.sum()), "valid")
ace.save_safetensors(sys.argv[1], {"cond": cond[0].float().contiguous(), "keep": keep[0].to(torch.uint8)}, {"format": "pt"})
