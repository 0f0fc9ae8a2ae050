"""Real shots in batches, kept whole on the device as uint8: a pair of frames and a true frame between, from a folder of video files (shots.py's rules)."""
import numpy as np
import torch

import shots
from device_scenes import to_device

ACTIVITY_GRID = 8  # px, at which the host keeps small grey copies, to look for crops where something moves
TRIES = 3


class Shots:
    """Video files of a folder on `device`. `batch(step)` is a pure function of (seed, step); only shots of at least the asked size are drawn."""

    def __init__(self, folder, device="cpu", seed=0):
        self.device, self.seed, self.frames, self.small, self.steps = device, seed, [], [], []
        for name, frames in sorted(shots.load(folder).items()):
            grey = frames[:, ::ACTIVITY_GRID, ::ACTIVITY_GRID].astype(np.float32).mean(-1)
            self.small.append(grey)
            self.steps.append(np.array([shots.difference(a, b) for a, b in zip(frames, frames[1:])]))
            self.frames.append(torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous().to(device))
        if not self.frames:
            raise SystemExit(f"no video files in {folder}: run pack.py, or leave --shots out")

    def one(self, rng, height, width):
        """(shot, first, between, last, y, x, t) of a crop, or None where the drawn place is still or cut."""
        fitting = [k for k, f in enumerate(self.frames) if f.shape[2] >= height and f.shape[3] >= width]
        if not fitting:
            raise SystemExit(f"no shot is {width}x{height} or larger: ask for smaller crops")
        weights = np.sqrt([len(self.frames[k]) for k in fitting])
        shot = fitting[rng.choice(len(fitting), p=weights / weights.sum())]
        if rng.random() < 0.6:
            stride = int(rng.integers(1, 4))
            n, k = 2 * stride, stride
        else:
            n = int(rng.integers(3, 6))
            k = int(rng.integers(1, n))
        count, _, tall, wide = self.frames[shot].shape
        if count <= n:
            return None
        first = int(rng.integers(0, count - n))
        steps = self.steps[shot][first:first + n]
        if sum(steps) < 1.5 or max(steps) > 45 or max(steps) > 4 * (np.median(steps) + 2):
            return None
        g = ACTIVITY_GRID
        change = np.abs(self.small[shot][first + n] - self.small[shot][first])
        places = [(int(rng.integers(0, tall - height + 1)), int(rng.integers(0, wide - width + 1))) for _ in range(TRIES)]
        y, x = max(places, key=lambda p: change[p[0] // g:(p[0] + height) // g, p[1] // g:(p[1] + width) // g].mean())
        return shot, first, first + k, first + n, y, x, k / n

    def batch(self, step, n, height, width):
        """frame0, frame1, truth [n,3,height,width] in 0..1 and t [n,1,1,1], turned, mirrored and run backwards at random."""
        rng = np.random.default_rng([self.seed, step, 7])
        found, times = [], []
        while len(found) < n:
            drawn = self.one(rng, height, width)
            if drawn is None:
                continue
            shot, first, between, last, y, x, t = drawn
            if rng.random() < 0.5:
                first, last, t = last, first, 1 - t
            colours = rng.permutation(3) if rng.random() < 0.3 else range(3)
            planes = [self.frames[shot][i, int(c), y:y + height, x:x + width] for i in (first, last, between) for c in colours]  # views: an index would make the host wait
            sample = torch.stack(planes).view(3, 3, height, width)
            axes = [a for a in (2, 3) if rng.random() < 0.5]
            found.append(sample.flip(axes) if axes else sample)
            times.append(t)
        frames = torch.stack(found).float() / 255
        return frames[:, 0], frames[:, 1], frames[:, 2], to_device(torch.tensor(times, dtype=torch.float32).view(-1, 1, 1, 1), self.device)
