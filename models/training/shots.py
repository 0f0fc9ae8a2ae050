"""Real shots as training samples: frame pairs and a true frame between, from a folder of video files."""
import glob
import os

import cv2
import numpy as np


def load_file(path):
    """The frames of a video file, a list of RGB uint8 [H,W,3]."""
    capture, frames = cv2.VideoCapture(path), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(np.ascontiguousarray(frame[:, :, ::-1]))


def load(folder):
    """Every video of a folder as an RGB uint8 array [T,H,W,3], by name."""
    loaded = {os.path.basename(path): load_file(path) for path in sorted(glob.glob(os.path.join(folder, "*")))}
    return {name: np.stack(frames) for name, frames in loaded.items() if len(frames) > 4}


def difference(a, b):
    """Mean absolute difference of two pictures, 0..255, on every second pixel."""
    return float(np.abs(a[::2, ::2].astype(np.int16) - b[::2, ::2]).mean())


def draw(rng, shots):
    """(frame0, frame1, truth, t) from one shot: half of the time the middle of a triplet of stride 1..3, else t = k/n. None where still or cut."""
    names = list(shots)
    weights = np.sqrt([len(shots[n]) for n in names])
    frames = shots[names[rng.choice(len(names), p=weights / weights.sum())]]
    if rng.random() < 0.6:
        stride = int(rng.integers(1, 4))
        n, k = 2 * stride, stride
    else:
        n = int(rng.integers(3, 6))
        k = int(rng.integers(1, n))
    if len(frames) <= n:
        return None
    first = int(rng.integers(0, len(frames) - n))
    steps = [difference(frames[i], frames[i + 1]) for i in range(first, first + n)]
    if sum(steps) < 1.5 or max(steps) > 45 or max(steps) > 4 * (np.median(steps) + 2):
        return None
    return frames[first], frames[first + n], frames[first + k], k / n
