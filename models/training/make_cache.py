#!/usr/bin/env python3
"""Makes training samples and keeps them on disk, so that training never waits: half real shots, half made scenes (no folders: scenes on made textures).

  make_cache.py --cache DIR --count 4000 [--textures DIR] [--shots DIR] [--seed 0]

A sample of the interpolation's is one .npy, float16 [19,h,w] (data.py): what the product itself shows its synthesis network (tests/Benchmarks --windows) of four frames in a row,
or of two that stand alone, and the truth. So the networks learn from the motion, the paths and the occlusions that they will meet.
Files appear complete (written aside, then renamed), so training may read while this runs.
"""
import argparse
import os
import subprocess
import time

import cv2
import numpy as np
import torch

import holes
import scenes
import shots
import windows
from data import PATCH, PLANES

SIZE = 192  # px, the most of a side that is stored
ALONE = 0.3  # of the samples: two frames without neighbours, as in a shot's first and last pair
LARGEST_ERROR = 10 ** -1.4  # mean squared: beyond, prediction is hopeless


class Product:
    """The program itself, which answers four frames with the planes that its networks see."""

    def __init__(self):
        here = os.path.dirname(os.path.abspath(__file__))
        command = ["dotnet", "run", "-c", "Release", "--project", f"{here}/../../tests/Benchmarks", "--", "--windows", f"{here}/.."]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def planes(self, frames, t, alone):
        """Float16 [16,H,W]: x of the frame at t between the middle two of four uint8 RGB pictures [H,W,3]; `alone`: of these two without the others."""
        height, width = frames[0].shape[:2]
        self.process.stdin.write(f"{width} {height} {t:.6f} {int(alone)}\n".encode() + b"".join(np.ascontiguousarray(f).tobytes() for f in frames))
        self.process.stdin.flush()
        answer = self.process.stdout.read(2 * (PLANES - 3) * height * width)
        if not answer:
            raise SystemExit("tests/Benchmarks --windows ended; it has said why")
        return np.frombuffer(answer, np.float16).reshape(PLANES - 3, height, width)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def shot(rng, real):
    """Four frames of a shot in a row, a true one between the middle two, and its t; None where still or cut. Made smaller as a rule, since shots are soft from their compression."""
    names = list(real)
    weights = np.sqrt([len(real[n]) for n in names])
    frames = real[names[rng.choice(len(names), p=weights / weights.sum())]]
    n = 2 * int(rng.choice((1, 1, 2, 3))) if rng.random() < 0.7 else int(rng.integers(3, 6))
    k = n // 2 if n % 2 == 0 else int(rng.integers(1, n))
    if len(frames) <= 3 * n:
        return None
    first = int(rng.integers(n, len(frames) - 2 * n))
    steps = [shots.difference(frames[i], frames[i + 1]) for i in range(first - n, first + 2 * n)]
    if sum(steps[n:2 * n]) < 1.5 or max(steps) > 45 or max(steps) > 4 * (np.median(steps) + 2):
        return None
    pictures = [frames[first + i] for i in (-n, 0, n, 2 * n, k)]
    height, width = pictures[0].shape[:2]
    scale = max(rng.uniform(0.5, 1.15), (PATCH + 8) / min(height, width))
    if scale < 0.95:
        pictures = [cv2.resize(p, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_AREA) for p in pictures]
    return pictures[:4], pictures[4], k / n


def made(rng, seed, textures):
    """The same of a made scene."""
    t = 0.5 if rng.random() < 0.6 else float(rng.uniform(0.04, 0.96))
    scene = scenes.Scene(seed, 256, 256, textures, folding=rng.random() < 0.3)
    return [scene.frame(tau) for tau in (-1, 0, 1, 2)], scene.frame(t, grain=False), t


def sample(product, frames, truth, t, rng):
    """The stored array, cut to SIZE where more is wrong; None where prediction is hopeless or nothing moves."""
    if shots.difference(frames[1], frames[2]) < 1:
        return None
    planes = product.planes(frames, t, rng.random() < ALONE)
    stored = np.concatenate((planes, truth.transpose(2, 0, 1).astype(np.float32) / 255), dtype=np.float16, casting="same_kind")
    error = np.square((planes[0:3].astype(np.float32) + planes[3:6]) / 2 - stored[16:]).mean(0)
    if error.mean() > LARGEST_ERROR:
        return None
    cuts = [tuple(int(rng.integers(0, max(0, side - SIZE) + 1)) for side in error.shape) for _ in range(4)]
    y, x = max(cuts, key=lambda p: error[p[0]:p[0] + SIZE, p[1]:p[1] + SIZE].mean())
    return stored[:, y:y + SIZE, x:x + SIZE]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--task", choices=["interpolate", "denoise", "holes"], default="interpolate", help="denoise: windows of five frames (windows.py); holes: of those, with lost pixels (holes.py)")
    ap.add_argument("--cache", required=True)
    ap.add_argument("--windows", help="a cache of windows, for holes; may be the same folder")
    ap.add_argument("--count", type=int, default=4000)
    ap.add_argument("--textures")
    ap.add_argument("--shots")
    ap.add_argument("--share", type=float, default=0.5, help="of real shots")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--pause", type=float, default=0, help="seconds to rest after each sample, on a shared machine")
    args = ap.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    os.makedirs(args.cache, exist_ok=True)
    if args.task != "interpolate":
        began = time.time()
        for done, index in (windows if args.task == "denoise" else holes).make(args):
            if done % 100 == 0:
                print(f"{done} of {args.count}, {index} tried, {done / (time.time() - began):.1f} a second", flush=True)
            time.sleep(args.pause)
        return
    textures, product = scenes.Textures(args.textures), Product()
    real = shots.load(args.shots) if args.shots else {}
    done, index, began = 0, 0, time.time()
    while done < args.count:
        index += 1
        rng = np.random.default_rng([args.seed, index])
        kind = "shot" if real and rng.random() < args.share else "made"
        drawn = shot(rng, real) if kind == "shot" else made(rng, [args.seed, index, 1], textures)
        array = drawn and sample(product, *drawn, rng)
        if array is None:
            continue
        name = f"{args.cache}/{kind}_{args.seed}_{index:06d}.npy"
        with open(name + ".part", "wb") as f:
            np.save(f, array)
        os.replace(name + ".part", name)
        done += 1
        if done % 100 == 0:
            print(f"{done} of {args.count}, {index} tried, {done / (time.time() - began):.1f} a second", flush=True)
        time.sleep(args.pause)
    product.close()


if __name__ == "__main__":
    main()
