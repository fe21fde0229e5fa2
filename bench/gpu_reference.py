"""The PyTorch side of bench/gpu.sh: `bench` of tools/reference/acestep_torch.py, untouched, with the gradient norm of its
last step added to the JSON line that it prints. Arguments are those of `acestep_torch.py bench`.
"""
import contextlib
import io
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools", "reference"))
import torch  # noqa: E402
import acestep_torch  # noqa: E402


def main():
    last = []
    clip = torch.nn.utils.clip_grad_norm_

    def clip_and_keep(*args, **settings):
        last[:] = [clip(*args, **settings)]
        return last[0]

    torch.nn.utils.clip_grad_norm_ = clip_and_keep
    sys.argv = ["acestep_torch.py", "bench", *sys.argv[1:]]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        acestep_torch.main()
    line = json.loads(printed.getvalue().strip().splitlines()[-1])
    print(json.dumps({"benchmark": "torch", **line, "grad_norm": float(last[0])}), flush=True)


if __name__ == "__main__":
    main()
