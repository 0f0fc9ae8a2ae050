"""Batches from a cache that make_cache.py fills, with augmentation. Reading is plain: one file a sample, from the page cache as a rule."""
import glob
import os
from dataclasses import dataclass

import numpy as np
import torch

MARGIN = 48  # px by which look-ups may reach beyond the window, both sides together
PATCH = 128  # px, side of the window that is interpolated, unless another is asked for


@dataclass
class Batch:
    """frame0, frame1 [N,3,patch + MARGIN,patch + MARGIN]; the window at `origin` (x, y): truth [N,3,patch,patch], v [N,2,..], inc0, inc1 [N,1,..]; the teacher's
    flows [N,4,..] (F_t0 then F_t1, px) and how much better they are [N,2,..] in 0..1; t [N,1,1,1]."""

    frame0: torch.Tensor
    frame1: torch.Tensor
    truth: torch.Tensor
    v: torch.Tensor
    inc0: torch.Tensor
    inc1: torch.Tensor
    taught: torch.Tensor
    better: torch.Tensor
    t: torch.Tensor
    origin: tuple


class Samples:
    """Draws batches of windows of `patch` px, half from files named shot_*, half from made_* (or all from what there is). New files are noticed as they come.
    `hard`: of two samples that are drawn, how often the one with more change is taken."""

    def __init__(self, folder, seed=0, share=0.5, patch=PATCH):
        self.folder, self.share, self.patch, self.source, self.hard = folder, share, patch, patch + MARGIN, 1.0
        self.rng = np.random.default_rng(seed)
        self.rescan()

    def rescan(self):
        self.kinds = [sorted(glob.glob(os.path.join(self.folder, f"{k}_*.npy"))) for k in ("shot", "made")]
        if not any(self.kinds):
            raise SystemExit(f"no samples in {self.folder}: run make_cache.py first")

    def draw(self, files):
        """A stored sample cut to the source's size [25,source,source], and its t."""
        path = files[self.rng.integers(len(files))]
        array = np.load(path)
        y, x = self.rng.integers(0, array.shape[1] - self.source + 1), self.rng.integers(0, array.shape[2] - self.source + 1)
        return array[:, y:y + self.source, x:x + self.source], float(path.rsplit("_", 1)[1][:-4])

    def one(self):
        """The parts of Batch for one sample, augmented: of two that are drawn, the one in which more changes, since most patches have little to teach."""
        rng = self.rng
        shot, made = self.kinds
        files = shot if shot and (not made or rng.random() < self.share) else made
        change = lambda a: np.abs(a[0:3, ::4, ::4].astype(np.int16) - a[3:6, ::4, ::4]).mean()
        less, more = sorted((self.draw(files) for _ in range(2)), key=lambda d: change(d[0]))
        array, t = more if self.hard >= 1 or rng.random() < self.hard else less
        bytes_ = array[:11].astype(np.float32) / 255
        flows = np.ascontiguousarray(array[11:23].reshape(3, 2, 2, self.source, self.source).transpose(0, 1, 3, 4, 2)).view(np.float16)[..., 0].astype(np.float32)
        better = array[23:25].astype(np.float32) / 255
        frame0, frame1, truth, inc0, inc1 = bytes_[:3], bytes_[3:6], bytes_[6:9], bytes_[9:10], bytes_[10:11]
        if rng.random() < 0.5:  # time the other way
            frame0, frame1, inc0, inc1, t = frame1, frame0, inc1, inc0, 1 - t
            flows, better = np.stack((-flows[0], flows[2], flows[1])), better[::-1]
        colours = rng.permutation(3) if rng.random() < 0.5 else slice(None)
        parts = [frame0[colours], frame1[colours], truth[colours], inc0, inc1, better]
        if rng.random() < 0.5:
            parts = [p.swapaxes(1, 2) for p in parts]
            flows = flows.swapaxes(2, 3)[:, ::-1]
        for axis in (2, 1):
            if rng.random() < 0.5:
                parts = [np.flip(p, axis) for p in parts]
                flows = np.flip(flows, axis + 1).copy()
                flows[:, 2 - axis] *= -1
        parts += [flows[0], flows[1:].reshape(4, self.source, self.source)]
        return parts, t

    def batch(self, size):
        """`size` samples whose windows begin at the same place, somewhere in the source."""
        samples = [self.one() for _ in range(size)]
        frame0, frame1, truth, inc0, inc1, better, v, taught = (torch.from_numpy(np.stack([s[0][k] for s in samples])) for k in range(8))
        x, y = (8 * int(k) for k in self.rng.integers(0, MARGIN // 8 + 1, 2))
        cut = lambda a: a[..., y:y + self.patch, x:x + self.patch].contiguous()
        t = torch.tensor([s[1] for s in samples], dtype=torch.float32).view(-1, 1, 1, 1)
        return Batch(frame0, frame1, cut(truth), cut(v), cut(inc0), cut(inc1), cut(taught), cut(better), t, (x, y))
