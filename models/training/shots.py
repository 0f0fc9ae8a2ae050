"""Real shots for training samples, from a folder of video files."""
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
