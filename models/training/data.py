"""Batches from a cache that make_cache.py fills, with augmentation. Reading is plain: one file a sample, from the page cache as a rule."""
import glob
import os
from dataclasses import dataclass

import numpy as np
import torch

PATCH = 128  # px, side of a window
PLANES = 19  # of a stored sample, float16: x, the truth

# The channels of x (nets.Synthesis) and the truth's behind them, as they stand when time goes the other way, and when x and y change places.
REVERSED = [3, 4, 5, 0, 1, 2, 8, 9, 6, 7, 11, 10, 13, 12, *range(14, PLANES)]
TRANSPOSED = [0, 1, 2, 3, 4, 5, 7, 6, 9, 8, *range(10, PLANES)]
TIME = 14
ALONG = {2: [6, 8], 1: [7, 9]}  # flows along x and along y


@dataclass
class Batch:
    """What the product shows the synthesis network, x [N,16,P,P] (nets.Synthesis), and the truth [N,3,P,P]."""

    x: torch.Tensor
    truth: torch.Tensor


class Samples:
    """Draws batches of windows of PATCH px, half from files named shot_*, half from made_* (or all from what there is). New files are noticed by `rescan`."""

    def __init__(self, folder, seed=0):
        self.folder = folder
        self.rng = np.random.default_rng(seed)
        self.rescan()

    def rescan(self):
        self.kinds = [k for k in (sorted(glob.glob(os.path.join(self.folder, f"{k}_*.npy"))) for k in ("shot", "made")) if k]
        if not self.kinds:
            raise SystemExit(f"no samples in {self.folder}: run make_cache.py first")

    def draw(self, files):
        """A window of one sample [19,P,P], and how wrong the mean of its look-ups is."""
        stored = np.load(files[self.rng.integers(len(files))], mmap_mode="r")
        y, x = (self.rng.integers(0, side - PATCH + 1) for side in stored.shape[1:])
        window = stored[:, y:y + PATCH, x:x + PATCH].astype(np.float32)
        return window, float(np.abs((window[0:3] + window[3:6]) / 2 - window[16:])[:, ::4, ::4].mean())

    def one(self):
        """A sample [19,P,P], augmented: of two windows that are drawn the one in which more is wrong, since most have little to teach."""
        rng = self.rng
        files = self.kinds[rng.integers(len(self.kinds))]
        window, _ = max((self.draw(files) for _ in range(2)), key=lambda drawn: drawn[1])
        if rng.random() < 0.5:  # time the other way
            window = window[REVERSED]
            window[TIME] = 1 - window[TIME]
        if rng.random() < 0.5:
            order = np.arange(PLANES)
            for first in (0, 3, 16):
                order[first:first + 3] = first + (colours if first else (colours := rng.permutation(3)))
            window = window[order]
        if rng.random() < 0.5:
            window = window[TRANSPOSED].swapaxes(1, 2)
        for axis, flows in ALONG.items():
            if rng.random() < 0.5:
                window = np.flip(window, axis).copy()
                window[flows] *= -1
        return window

    def batch(self, size):
        planes = torch.from_numpy(np.stack([self.one() for _ in range(size)]))
        return Batch(planes[:, :16], planes[:, 16:])
