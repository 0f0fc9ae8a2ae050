"""Neighbours aligned to the centre frame for denoising, with what the network must know of each: its noise after the warp and how far it can be trusted.

The C# pipeline computes the same with its own motion. Frames [H,W,3] RGB code values 0..1 (float32), flows [H,W,2] px, centre(p) ~ neighbour(p + flow(p)).
"""
import cv2
import numpy as np

import motion

UNKNOWN = 100.0  # the deviation that stands for infinity: missing frame, masked pixel, look-up outside the picture
PRE_BLUR = 1.0  # px, deviation of the Gaussian before motion is sought
COST_BOX = 7  # px, side of the box in which the alignment's error is measured
NOISE_MARGIN = 1.1  # of the expected squared difference: chance alone exceeds 1 half of the time
KEYS = -0.75  # a of the bicubic kernel, as in motion.warp and OpenCV


def estimate(centre, neighbour):
    """Flow from `centre` to `neighbour` by OpenCV's dense inverse search (MEDIUM) on both, blurred a little: best from sigma 5 to 50 (.3-.4 dB over none at 50)."""
    gray = [np.rint(255 * cv2.GaussianBlur(cv2.cvtColor(np.clip(f, 0, 1), cv2.COLOR_RGB2GRAY), (0, 0), PRE_BLUR)).astype(np.uint8) for f in (centre, neighbour)]
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(gray[0], gray[1], None)


def weights(fraction, mode):
    """Interpolation weights of the 2 or 4 taps for fractions in 0..1: a list of arrays."""
    f = fraction
    if mode == "bilinear":
        return [1 - f, f]
    near = lambda d: ((KEYS + 2) * d - (KEYS + 3)) * d * d + 1
    far = lambda d: ((KEYS * d - 5 * KEYS) * d + 8 * KEYS) * d - 4 * KEYS
    return [far(1 + f), near(f), near(1 - f), far(2 - f)]


def squared_weights(flow, mode):
    """Sum of the squared interpolation weights at p + flow(p) [...], flow [...,2]: what the look-up makes of white noise's variance."""
    return np.prod([sum(w * w for w in weights(flow[..., k] - np.floor(flow[..., k]), mode)) for k in range(2)], 0)


def look_up(frame, flow, mode="bicubic"):
    """frame [H,W,C] at p + flow(p), borders replicated."""
    y, x = np.mgrid[0:flow.shape[0], 0:flow.shape[1]].astype(np.float32)
    return cv2.remap(frame, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC if mode == "bicubic" else cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def look_up_exactly(frame, flow):
    """`look_up`, bicubic, without the 1/32 px to which OpenCV rounds places: what golden tensors hold."""
    image, motion_ = motion.to_tensor(frame), motion.to_tensor(flow)
    return motion.warp(image, motion_, "bicubic")[0].permute(1, 2, 0).numpy()


def unreliability(warped, centre, expected, flow):
    """sigma_align [H,W]: root of the excess of box(mean_RGB (warped - centre)^2) over NOISE_MARGIN times what noise alone explains (`expected` [H,W]:
    mean over RGB of sigma_neighbour^2 sum w^2 + sigma_centre^2); UNKNOWN where the look-up leaves the picture."""
    box = lambda a: cv2.blur(a, (COST_BOX, COST_BOX), borderType=cv2.BORDER_REPLICATE)
    excess = box(((warped - centre) ** 2).mean(-1)) - NOISE_MARGIN * box(expected.astype(np.float32))
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = x + flow[..., 0], y + flow[..., 1]
    outside = (u < -0.5) | (u > width - 0.5) | (v < -0.5) | (v > height - 0.5)
    return np.where(outside, UNKNOWN, np.sqrt(np.maximum(excess, 0))).astype(np.float32)


def align(centre, neighbour, sigma, mode="bicubic"):
    """(aligned neighbour [H,W,3], sigma [H,W,3]) for noise of deviation `sigma` (scalar or [H,W,3]) in both."""
    sigma = np.broadcast_to(np.asarray(sigma, np.float32), centre.shape)
    flow = estimate(centre, neighbour)
    warped, shrink = look_up(neighbour, flow, mode), squared_weights(flow, mode)[..., None]
    variance = look_up(np.ascontiguousarray(sigma), flow, "bilinear") ** 2 * shrink
    found = unreliability(warped, centre, (variance + sigma ** 2).mean(-1), flow)
    return warped, np.minimum(np.sqrt(variance + found[..., None] ** 2), UNKNOWN).astype(np.float32)
