#!/usr/bin/env python3
"""Scores networks on triplets (DIR/<name>/{0,1,2}.png, the middle is the truth), as the project's peers are scored: 8-bit RGB, no border, mean over items.

  evaluate.py --triplets DIR [--checkpoint interpolate-light.pt] [--steps 3] [--json figures.json] [--pictures DIR]

average: the plain average along V, no network. base: the synthesis network. one: base + s E[u]. sample: N steps from sigma 1, lambda 1.
spread / error: root mean square of (sample - mean) over that of (truth - mean). u2: mean of ((truth - base)/s)^2, 1 when s is calibrated.
"""
import argparse
import glob
import json
import os

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import interpolate
import motion
from nets import ALIGNMENT, LightResidual, LightSynthesis


def psnr(x, y):
    """Decibels between two uint8 pictures."""
    mse = np.mean((x.astype(np.float64) - y.astype(np.float64)) ** 2)
    return 100.0 if mse == 0 else 10 * np.log10(255.0 ** 2 / mse)


def ssim(x, y):
    """Gaussian 11x11, sigma 1.5, per channel, borders replicated (Wang 2004)."""
    x, y = x.astype(np.float64) / 255, y.astype(np.float64) / 255
    g = lambda z: cv2.GaussianBlur(z, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE)
    mx, my = g(x), g(y)
    sx, sy, sxy = g(x * x) - mx * mx, g(y * y) - my * my, g(x * y) - mx * my
    return float((((2 * mx * my + 1e-4) * (2 * sxy + 9e-4)) / ((mx * mx + my * my + 1e-4) * (sx + sy + 9e-4))).mean())


def to_bytes(tensor):
    return tensor[0].clamp(0, 1).mul(255).round().byte().numpy().transpose(1, 2, 0)


def aligned(network):
    """The network on pictures of any size: inputs padded right and below by replication, outputs cut back."""
    def run(*inputs):
        height, width = inputs[0].shape[-2:]
        pad = (0, -width % ALIGNMENT, 0, -height % ALIGNMENT)
        out = network(*[F.pad(i, pad, mode="replicate") if i.shape[-1] > 1 else i for i in inputs])
        cut = lambda o: o[..., :height, :width]
        return tuple(cut(o) for o in out) if isinstance(out, tuple) else cut(out)
    return run


class Triplets:
    """A folder of triplets with their motion found once: items (name, truth uint8, x [1,16,H,W])."""

    def __init__(self, folder, t=0.5, stride=3):
        self.items = []
        time = torch.full((1, 1, 1, 1), t)
        for path in sorted(glob.glob(os.path.join(folder, "*", ""))):
            frame0, truth, frame1 = (np.ascontiguousarray(cv2.imread(f"{path}{k}.png")[:, :, ::-1]) for k in range(3))
            f01, f10 = (motion.to_tensor(f) for f in motion.dense_inverse_search(frame0, frame1, stride=stride))
            i0, i1 = motion.to_tensor(frame0), motion.to_tensor(frame1)
            with torch.no_grad():
                v = motion.motion_at(i0, i1, f01, f10, time)
                x = interpolate.synthesis_input(i0, i1, v, *motion.inconsistency_at(f01, f10, v, time), time, apart=[m - v for m in motion.carried(f01, f10, time)])
            self.items.append((os.path.basename(path[:-1]), truth, x))

    @torch.no_grad()
    def confidence(self, synthesis, residual):
        """Spearman's rank correlation over the triplets of one step's mean squared error with what foretells it: mean s^2 (the tool's measure), mean |w0 - w1|."""
        from scipy.stats import spearmanr

        synthesis, residual = aligned(synthesis), aligned(residual)
        error, s2, difference = [], [], []
        for _, truth, x in self.items:
            found = interpolate.base(synthesis, x)
            one = found.b + found.s * interpolate.mean(residual, found.cond)
            error.append(float((one - motion.to_tensor(truth)).square().mean()))
            s2.append(float(found.s.square().mean()))
            difference.append(float((found.cond[:, 3:6] - found.cond[:, 6:9]).abs().mean()))
        return {"n": len(error), "expected_error": round(float(spearmanr(s2, error)[0]), 3), "difference": round(float(spearmanr(difference, error)[0]), 3)}

    @torch.no_grad()
    def explain(self):
        """Where the error of the averaged look-ups comes from: mean decibels when the truth tells how each look should have been moved (dense inverse search from the truth to it). `same`: what both
        are moved by alike, by which the frame does not stand where even motion has it, which two frames cannot know; `shift`: its median over the picture; `opposite`: the error of the motion itself."""
        rows = {}
        for _, truth, x in self.items:
            looks = x[:, 0:3], x[:, 3:6]
            off = [motion.to_tensor(motion.dense_inverse_search(truth, to_bytes(look), both=False, stride=2)[0]) for look in looks]
            same, opposite = (off[0] + off[1]) / 2, (off[0] - off[1]) / 2
            shift = same.flatten(2).median(2).values[..., None, None].expand_as(same)
            moves = {"none": (0 * same, 0 * same), "shift": (shift, shift), "same": (same, same), "opposite": (opposite, -opposite), "both": off}
            for key, moved in moves.items():
                mean = sum(motion.warp(look, by, "bicubic") for look, by in zip(looks, moved)) / 2
                rows.setdefault(key, []).append(psnr(to_bytes(mean), truth))
        return {k: {"mean": round(float(np.mean(v)), 2), "median_gain": round(float(np.median(np.subtract(v, rows["none"]))), 2)} for k, v in rows.items()}

    @torch.no_grad()
    def score(self, synthesis, residual=None, steps=0, seed=0, with_ssim=False, pictures=None):
        """A dictionary of figures, those of each triplet in self.rows; `residual` None scores the base alone, steps 0 leaves sampling out."""
        rows, sums = {}, np.zeros(3)
        u2, generator = [], torch.Generator().manual_seed(seed)
        synthesis = aligned(synthesis)
        residual = residual and aligned(residual)
        for name, truth, x in self.items:
            target = motion.to_tensor(truth)
            found = interpolate.base(synthesis, x)
            m = torch.sigmoid(7 * (x[:, 12:13] - x[:, 13:14]))
            out = {"average": m * x[:, 0:3] + (1 - m) * x[:, 3:6], "base": found.b}
            u2.append(float(((target - found.b) / found.s).square().mean()))
            if residual:
                mean = interpolate.mean(residual, found.cond)
                out["one"] = found.b + found.s * mean
                if steps:
                    drawn = interpolate.sample(residual, found.cond, mean, torch.randn(mean.shape, generator=generator), steps)
                    out["sample"] = found.b + found.s * drawn
                    sums += [float((found.s * (drawn - mean)).square().sum()), float((target - out["one"]).square().sum()), 0]
            for key, value in out.items():
                picture = to_bytes(value)
                rows.setdefault(key, []).append(psnr(picture, truth))
                if with_ssim:
                    rows.setdefault(key + "_ssim", []).append(ssim(picture, truth))
                if pictures:
                    os.makedirs(f"{pictures}/{key}", exist_ok=True)
                    cv2.imwrite(f"{pictures}/{key}/{name}.png", picture[:, :, ::-1])
        self.rows = {k: dict(zip((item[0] for item in self.items), v)) for k, v in rows.items()}
        figures = {k: round(float(np.mean(v)), 4) for k, v in rows.items()}
        figures |= {"n": len(self.items), "u2_mean": round(float(np.mean(u2)), 3), "u2_median": round(float(np.median(u2)), 3)}
        figures["psnr"] = figures.get("one", figures["base"])  # of what is shown by default
        if steps and residual:
            figures["spread_over_error"] = round(float(np.sqrt(sums[0] / sums[1])), 3)
            figures["steps"] = steps
        return figures


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--triplets", required=True)
    ap.add_argument("--checkpoint")
    ap.add_argument("--steps", type=int, default=3)
    ap.add_argument("--patch-stride", type=int, default=3, help="of dense inverse search, px: 2 finds better motion for 1.6 times the work")
    ap.add_argument("--json")
    ap.add_argument("--pictures")
    ap.add_argument("--confidence", action="store_true", help="print how well the expected error tells the true one, and no more")
    ap.add_argument("--explain", action="store_true", help="print what the error of the averaged look-ups is made of, and no more")
    ap.add_argument("--items", action="store_true", help="print each triplet's decibels as well")
    args = ap.parse_args()
    torch.set_num_threads(1)
    synthesis, residual = LightSynthesis(), LightResidual()
    if args.checkpoint:
        ema = torch.load(args.checkpoint, map_location="cpu")["ema"]
        synthesis.load_state_dict(ema["synthesis"])
        residual.load_state_dict(ema["residual"])
    triplets = Triplets(args.triplets, stride=args.patch_stride)
    if args.confidence:
        print(json.dumps(triplets.confidence(synthesis, residual)))
        return
    if args.explain:
        print(json.dumps(triplets.explain()))
        return
    figures = triplets.score(synthesis, residual, args.steps, with_ssim=True, pictures=args.pictures)
    figures["command"] = f"evaluate.py --triplets <footage>/triplets --steps {args.steps} --patch-stride {args.patch_stride}"
    if args.items:
        for name in triplets.rows["one"]:
            print(name, *(f"{k} {triplets.rows[k][name]:.2f}" for k in ("average", "base", "one")))
    print(json.dumps(figures))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(figures, f)


if __name__ == "__main__":
    main()
