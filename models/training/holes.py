"""Windows whose frames have lost pixels to dust, aligned as the pipeline aligns them (src/FrameFlow/Repair/Defects): the motion knows nothing of what is lost.

`make` derives them from a cache of whole windows (windows.py): another mask is drawn, the motion is found anew. A stored window is a .npy, uint8 [36,H,W]: the 35 planes of
windows.py (flows and sigma_align as found; 255 where a neighbour lost the pixel that is looked up), then the mask to be filled, 0 or 1.
"""
import glob
import math
import os

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import align
import windows
from denoise import FRAMES, UNKNOWN

KNOWN = 50.0  # deviations below say something (half of UNKNOWN)
EDGE = 1  # px around what was marked that are filled as well
ROUGH_EDGE = 2  # px around it that the rough fill covers
MISLED = 8  # px around it whose motion is not believed at first: a patch of the search
DOUBT_BOX = 5  # px, side of the box over which the neighbours' disagreement is averaged
LEAST_VARIANCE = 1.5e-7
SHARE = 0.02  # of the centre's pixels that are lost, on average


def widened(mask, pixels):
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1)))


def from_around(image, mask):
    """[H,W,C] with what is masked (uint8 0/1) replaced by means of what is not, over ever larger squares (MaskShape.FillFromAround)."""
    known = (1 - mask).astype(np.float32)[..., None]
    levels = [(image * known, known)]
    while min(levels[-1][1].shape[:2]) > 2:
        half = (levels[-1][1].shape[1] + 1) // 2, (levels[-1][1].shape[0] + 1) // 2
        levels.append(tuple(cv2.resize(a, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1) for a in levels[-1]))
    total, weight = levels[-1]
    for fine_total, fine_weight in levels[-2::-1]:
        size = fine_weight.shape[1], fine_weight.shape[0]
        more = [cv2.resize(a, size, interpolation=cv2.INTER_LINEAR).reshape(size[1], size[0], -1) for a in (total, weight)]
        total, weight = fine_total + 1e-3 * more[0], fine_weight + 1e-3 * more[1]
    return np.where(mask[..., None] > 0, total / weight, image).astype(np.float32)


def draw_mask(rng, side, share):
    """Dust, flakes and hairs until `share` of [side,side] is covered; uint8 0/1."""
    mask = np.zeros((side, side), np.uint8)
    while mask.mean() < share:
        centre = rng.uniform(0, side, 2)
        if rng.random() < 0.12:
            step = np.cumsum(np.cumsum(rng.normal(0, 0.08, rng.integers(12, 60))) + rng.uniform(0, 6.3))
            turn = rng.uniform(0, 6.3) + 0.05 * (step - step[0])
            points = centre + np.cumsum(np.stack((np.cos(turn), np.sin(turn)), 1), 0)
            cv2.polylines(mask, [points.astype(np.int32)], False, 1, int(rng.integers(1, 3)))
        else:
            radius = math.sqrt(math.exp(rng.uniform(0, math.log(400))) / math.pi)
            angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            reach = 1 + sum(rng.normal(0, 0.4 / m) * np.cos(m * angle + rng.uniform(0, 6.3)) for m in range(2, 6))
            outline = centre + radius * np.clip(reach, 0.3, 2)[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)
            cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask


def holed(frames, level, masks, rng):
    """A window [36,H,W] of five uint8 RGB frames, each with its mask of lost pixels. First the lost ones are filled from the side, the motion found so is not believed near them;
    along what is believed they are filled from both neighbours, and the motion is found again."""
    noisy = [np.clip(np.rint(f + 255 * level * rng.standard_normal(f.shape)), 0, 255).astype(np.float32) / 255 for f in frames]
    rough = [from_around(f, widened(m, ROUGH_EDGE)) for f, m in zip(noisy, masks)]
    misled, lost, wide = widened(masks[2], MISLED), widened(masks[2], ROUGH_EDGE)[..., None] > 0, widened(masks[2], EDGE)

    def brought(centre, believed):
        flows = {k: align.estimate(centre, rough[k]) for k in windows.NEIGHBOURS}
        if believed is not None:
            flows = {k: from_around(f, believed) for k, f in flows.items()}
        return flows, np.mean([align.look_up(rough[k], flows[k], "bilinear") for k in (1, 3)], 0)

    _, mean = brought(rough[2], misled)
    flows, mean = brought(np.where(lost, mean, noisy[2]).astype(np.float32), None)
    centre = np.where(wide[..., None] > 0, mean, noisy[2]).astype(np.float32)
    planes = []
    for k in windows.NEIGHBOURS:
        shrink = align.squared_weights(flows[k], "bicubic")
        found = align.unreliability(align.look_up(rough[k], flows[k]), centre, level ** 2 * (1 + shrink), flows[k])
        gone = align.look_up(widened(masks[k], ROUGH_EDGE).astype(np.float32), flows[k], "bilinear") > 0
        planes.append(np.where(gone, 255, np.rint(255 * np.sqrt(np.minimum(found, 1)))).astype(np.uint8)[None])
    as_bytes = [flows[k].astype(np.float16).view(np.uint8).transpose(2, 0, 1) for k in windows.NEIGHBOURS]
    return np.concatenate([f.transpose(2, 0, 1) for f in frames] + as_bytes + planes + [wide[None]])


def make(args):
    """Fills args.cache with windows derived from those of args.windows; for make_cache.py."""
    whole = sorted(p for kind in ("shot", "made") for p in glob.glob(os.path.join(args.windows, f"{kind}_*.npy")))
    for index in range(args.count):
        rng = np.random.default_rng([args.seed, index, 9])
        planes = np.load(whole[rng.integers(len(whole))])[:3 * FRAMES]
        frames = [np.ascontiguousarray(planes[3 * k:3 * k + 3].transpose(1, 2, 0)) for k in range(FRAMES)]
        level = math.exp(rng.uniform(math.log(0.2), math.log(4) if rng.random() < 0.75 else math.log(30))) / 255
        masks = [draw_mask(rng, windows.SIZE, SHARE * rng.uniform(0.3, 1.7) if k == 2 else 0.005 * rng.integers(0, 2)) for k in range(FRAMES)]
        name = f"{args.cache}/hole_{args.seed}_{index:06d}_{255 * level:.3f}.npy"
        with open(name + ".part", "wb") as f:
            np.save(f, holed(frames, level, masks, rng))
        os.replace(name + ".part", name)
        yield index + 1, index + 1


def guess(frames, sigma, mask):
    """The centre's masked pixels set to where the reverse process starts (MaskedFill.Guess): the neighbours' mean by precision, at the deviation that they leave in doubt; UNKNOWN where no
    neighbour tells. frames, sigma [n,15,h,w]; mask [n,1,h,w], 0 or 1. Gives (frames, sigma), the given ones untouched."""
    n, _, h, w = frames.shape
    take = lambda a: a.view(n, FRAMES, 3, h, w)[:, windows.NEIGHBOURS]
    values, deviation = take(frames), take(sigma)
    precision = (deviation < KNOWN) / (deviation ** 2 + LEAST_VARIANCE)
    total = precision.sum(1)
    some = total > 0
    mean = (precision * values).sum(1) / total.clamp(min=1e-12)
    spread = ((precision * values ** 2).sum(1) / total.clamp(min=1e-12) - mean ** 2).clamp(min=0)
    spread = F.avg_pool2d(F.pad(spread, (DOUBT_BOX // 2,) * 4, mode="replicate"), DOUBT_BOX, 1)
    told = torch.where(some, torch.sqrt(1 / total.clamp(min=1e-12) + spread), torch.full_like(spread, UNKNOWN))
    frames, sigma = frames.clone(), sigma.clone()
    frames[:, 6:9] = torch.where(mask > 0, mean, frames[:, 6:9])
    sigma[:, 6:9] = torch.where(mask > 0, told, sigma[:, 6:9])
    return frames, sigma
