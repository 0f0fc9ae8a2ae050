#!/usr/bin/env python3
"""What steps, sampler and detail do to a sampled frame: scores `interpolate-light` on triplets (evaluate.py) for every combination, as a Markdown table.

  ablate.py --triplets DIR --checkpoint interpolate-light.pt [--patch-stride 2]

PSNR, SSIM: of the picture shown, mean + lambda (draw - mean), against the truth. GMS: mean gradient-magnitude similarity (Xue et al. 2014, c = 170, Prewitt, luma at half size).
spectrum: the log ratio of its energy at .25 to .5 cycles a pixel to the truth's (radial, of luma, per triplet, then the mean of |log2|; and the mean of the ratio). limited: with interpolate.limit, what the
tool does unless told otherwise. spread / error: root mean square of (shown - mean) over that of (truth - mean), 1 where samples are as uncertain as they should be.
"""
import argparse
import math

import cv2
import numpy as np
import torch

import interpolate
import motion
from evaluate import Triplets, aligned, psnr, ssim, to_bytes
from nets import LightResidual, LightSynthesis

STEPS = 2, 3, 4
DETAIL = 0.25, 0.5, 1.0


def luma(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)


def gradient(plane):
    kernel = np.array([[1, 0, -1]] * 3) / 3.0
    return np.hypot(cv2.filter2D(plane, -1, kernel), cv2.filter2D(plane, -1, kernel.T))


def gradient_similarity(picture, truth):
    a, b = (gradient(cv2.resize(luma(p), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)) for p in (picture, truth))
    return float(((2 * a * b + 170) / (a * a + b * b + 170)).mean())


def high_band(picture):
    """Energy of luma at radial frequencies of .25 to .5 cycles a pixel, under a Hann window."""
    plane = luma(picture)
    plane = (plane - plane.mean()) * np.outer(np.hanning(plane.shape[0]), np.hanning(plane.shape[1]))
    radius = np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])[None])
    return float((np.abs(np.fft.rfft2(plane)) ** 2)[(radius >= 0.25) & (radius <= 0.5)].sum())


def draw(sampler, residual, cond, mean_u, noise, steps):
    """A draw of u by `sampler`: DPM-Solver++ 2M, DDIM (exponential Euler), or Heun's method on the probability-flow ODE (Karras 2022; two evaluations a step but the last)."""
    if sampler == "dpm++":
        return interpolate.sample(residual, cond, mean_u, noise, steps)
    levels = interpolate.sigmas(steps)
    z = mean_u + math.sqrt(1 + levels[0] ** 2) * noise
    for sigma, after in zip(levels, levels[1:]):
        d = interpolate.denoise(residual, z, sigma, cond)
        if after == 0:
            return d
        ahead = (after / sigma) * z + (1 - after / sigma) * d
        if sampler == "ode":
            slope = (z - d) / sigma
            ahead = z + (after - sigma) * 0.5 * (slope + (ahead - interpolate.denoise(residual, ahead, after, cond)) / after)
        z = ahead


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--triplets", required=True)
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--patch-stride", type=int, default=2)
    args = ap.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    synthesis, residual = LightSynthesis(), LightResidual()
    ema = torch.load(args.checkpoint, map_location="cpu")["ema"]
    synthesis.load_state_dict(ema["synthesis"])
    residual.load_state_dict(ema["residual"])
    synthesis, residual = aligned(synthesis), aligned(residual)
    generator, rows = torch.Generator().manual_seed(0), {}
    for _, truth, x in Triplets(args.triplets, stride=args.patch_stride).items:
        target, band = motion.to_tensor(truth), high_band(truth)
        found = interpolate.base(synthesis, x)
        mean_u = interpolate.mean(residual, found.cond)
        one = found.b + found.s * mean_u
        noise = torch.randn(mean_u.shape, generator=generator)
        missed = float((target - one).square().sum())

        def add(key, picture, spread):
            shown = to_bytes(picture)
            ratio = high_band(shown) / band
            rows.setdefault(key, []).append((psnr(shown, truth), ssim(shown, truth), gradient_similarity(shown, truth), ratio, abs(math.log2(ratio)), spread, missed))

        add(("1 step", "", 0), one, 0)
        for sampler in ("dpm++", "ddim", "ode"):
            for steps in STEPS:
                drawn = draw(sampler, residual, found.cond, mean_u, noise, steps)
                for detail in DETAIL:
                    change = detail * found.s * (drawn - mean_u)
                    add((f"{steps} steps", sampler, detail), one + change, float(change.square().sum()))
                    if sampler == "dpm++":
                        change = found.s * (interpolate.limit(found, mean_u, drawn, detail) - mean_u)
                        add((f"{steps} steps", sampler + ", limited", detail), one + change, float(change.square().sum()))
    print("| steps | sampler | lambda | PSNR | SSIM | GMS | spectrum, x truth's | spectrum, mean abs log2 | spread / error |\n|---|---|---|---|---|---|---|---|---|")
    for (steps, sampler, detail), values in rows.items():
        m = np.mean(values, 0)
        print(f"| {steps} | {sampler} | {detail or ''} | {m[0]:.2f} | {m[1]:.4f} | {m[2]:.4f} | {m[3]:.2f} | {m[4]:.2f} | {math.sqrt(m[5] / m[6]):.2f} |", flush=True)


if __name__ == "__main__":
    main()
