#!/usr/bin/env python3
"""Scores the `full` model on triplets (DIR/<name>/{0,1,2}.png or .jpg), as evaluate.py does: 8-bit RGB, no border, mean over items.

  evaluate_full.py --triplets DIR --weights DIR [--steps 3] [--json figures.json] [--pictures DIR]

still: the mean of the given frames, no motion. average: plain averaging along the learned flow, which judges it alone. base, one, sample: with the networks that --weights holds.
"""
import argparse
import glob
import json
import os
import time

import cv2
import numpy as np
import torch

import full
import interpolate
import motion
from evaluate import aligned, psnr, ssim, to_bytes


class Held:
    """Triplets of a folder in memory; `score` runs networks on them where they are."""

    def __init__(self, folder):
        self.items = []
        for path in sorted(glob.glob(os.path.join(folder, "*", ""))):
            files = [next(iter(glob.glob(f"{path}{k}.*")), None) for k in range(3)]
            if None in files:
                raise SystemExit(f"{path} holds no pictures 0, 1, 2")
            frame0, truth, frame1 = (np.ascontiguousarray(cv2.imread(f)[:, :, ::-1]) for f in files)
            self.items.append((os.path.basename(path[:-1]), frame0, frame1, truth))
        if not self.items:
            raise SystemExit(f"no triplets in {folder}")

    @torch.no_grad()
    def score(self, flow, synthesis=None, residual=None, steps=0, seed=0, with_ssim=False, pictures=None):
        """A dictionary of figures; networks left out are not scored."""
        device = next(flow.parameters()).device
        rows, u2, spread, error, took = {}, [], 0.0, 0.0, 0.0
        generator = torch.Generator().manual_seed(seed)
        for name, frame0, frame1, truth in self.items:
            i0, i1, target = (motion.to_tensor(f).to(device) for f in (frame0, frame1, truth))
            t = torch.full((1, 1, 1, 1), 0.5, device=device)
            began = time.perf_counter()
            x = full.synthesis_input(i0, i1, *full.find_flow(flow, i0, i1), t)
            out = {"still": (i0 + i1) / 2, "average": full.average(x)}
            if synthesis:
                found = interpolate.base(aligned(synthesis), x, i0, i1)
                out["base"] = found.b
                u2.append(float(((target - found.b) / found.s).square().mean()))
            if residual:
                mean = interpolate.mean(aligned(residual), found.cond)
                out["one"] = found.b + found.s * mean
                if steps:
                    drawn = interpolate.sample(aligned(residual), found.cond, mean, torch.randn(mean.shape, generator=generator).to(device), steps)
                    out["sample"] = found.b + found.s * drawn
                    spread += float((found.s * (drawn - mean)).square().sum())
                    error += float((target - out["one"]).square().sum())
            out = {k: to_bytes(v.cpu()) for k, v in out.items()}
            took += time.perf_counter() - began
            for key, picture in out.items():
                rows.setdefault(key, []).append(psnr(picture, truth))
                if with_ssim:
                    rows.setdefault(key + "_ssim", []).append(ssim(picture, truth))
                if pictures:
                    os.makedirs(f"{pictures}/{key}", exist_ok=True)
                    cv2.imwrite(f"{pictures}/{key}/{name}.png", picture[:, :, ::-1])
        figures = {k: round(float(np.mean(v)), 4) for k, v in rows.items()} | {"n": len(self.items), "s_each": round(took / len(self.items), 3)}
        if u2:
            figures |= {"u2_mean": round(float(np.mean(u2)), 3), "u2_median": round(float(np.median(u2)), 3)}
        if spread:
            figures |= {"spread_over_error": round((spread / error) ** 0.5, 3), "steps": steps}
        figures["psnr"] = figures.get("one", figures.get("base", figures["average"]))
        return figures


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--triplets", required=True)
    ap.add_argument("--weights", required=True, help="folder of flow.pt and, where trained, synthesis.pt, residual.pt")
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--steps", type=int, default=3)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--json")
    ap.add_argument("--pictures")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    modules = full.networks(args.width).eval()
    found = full.load(modules, args.weights)
    if "flow" not in found:
        raise SystemExit(f"{args.weights} holds no flow.pt: train it first, or copy it there")
    modules = modules.to(device)
    given = [modules[n] if n in found else None for n in full.NAMES]
    if given[1] is None:
        given[2] = None
    figures = Held(args.triplets).score(*given, steps=args.steps, with_ssim=True, pictures=args.pictures)
    figures["command"] = f"evaluate_full.py --triplets <footage>/triplets --weights <weights> --steps {args.steps}"
    print(json.dumps(figures))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(figures, f)


if __name__ == "__main__":
    main()
