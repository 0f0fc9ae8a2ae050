"""Training samples of the denoiser: photographs alone, photographs seen five times, windows of five frames with estimated motion (made scenes, real shots), and such with lost pixels (holes.py).

`make` fills a cache with the last kind, since estimating motion is slow; the noise is drawn anew every time (degrade.py), before the look-ups, on the training device.
A stored window is a .npy, uint8 [35,H,W]: five RGB frames, four flows from the centre (-2, -1, +1, +2; x, y as fp16 bytes, px), four planes of sigma_align as
255 sqrt(sigma) (255: unknown); the level at which motion was sought stands in the name, in 1/255.
"""
import glob
import math
import os
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import align
import degrade
import holes
import scenes
import shots
from denoise import FRAMES, UNKNOWN

SIZE = 160  # px, side of a stored window
MARGIN = 4  # px around the patch, that look-ups may reach
NEIGHBOURS = [0, 1, 3, 4]
SHARES = {"alone": 0.4, "pan": 0.13, "window": 0.4, "hole": 0.07}
INGREDIENTS = "coloured", "misjudged", "compressed", "alignment", "alone"  # what a run can do without, to show what it is worth
SHOT_SHARE = 0.35  # of the windows: shots are soft from their compression


def draw_level(rng):
    """A noise level: evenly 3..55/255 (where denoisers are compared) or log-uniform from .1/255 to 60/255."""
    if rng.random() < 0.6:
        return rng.uniform(3, 55) / 255
    return math.exp(rng.uniform(*(math.log(v) for v in degrade.LEVELS)))


def stored(frames, level, rng, places):
    """Windows [35,SIZE,SIZE] of five uint8 RGB frames: motion is found on whole noisy pictures, then cut at `places` (y, x)."""
    noisy = [np.clip(np.rint(f + 255 * level * rng.standard_normal(f.shape)), 0, 255).astype(np.float32) / 255 for f in frames]
    flows, planes = [], []
    for k in NEIGHBOURS:
        flow = align.estimate(noisy[2], noisy[k])
        shrink = align.squared_weights(flow, "bilinear")
        found = align.unreliability(align.look_up(noisy[k], flow, "bilinear"), noisy[2], level ** 2 * (1 + shrink), flow)
        flows.append(flow.astype(np.float16).view(np.uint8).transpose(2, 0, 1))
        planes.append(np.rint(255 * np.sqrt(np.minimum(found, 1))).astype(np.uint8)[None])
    whole = np.concatenate([f.transpose(2, 0, 1) for f in frames] + flows + planes)
    return [np.ascontiguousarray(whole[:, y:y + SIZE, x:x + SIZE]) for y, x in places]


def draw_shot(rng, shots_):
    """Five consecutive frames (of every second one at times, smaller at times) of a shot; None across a cut."""
    names = list(shots_)
    weights = np.sqrt([len(shots_[n]) for n in names])
    frames = shots_[names[rng.choice(len(names), p=weights / weights.sum())]]
    step = 1 if rng.random() < 0.75 else 2
    if len(frames) < 4 * step + 1:
        return None
    first = int(rng.integers(0, len(frames) - 4 * step))
    frames = [frames[first + k * step] for k in range(FRAMES)]
    steps = [shots.difference(a, b) for a, b in zip(frames, frames[1:])]
    if max(steps) > 45 or max(steps) > 4 * (np.median(steps) + 2):
        return None
    height, width = frames[0].shape[:2]
    scale = max(rng.uniform(0.5, 1), SIZE / min(height, width))
    if scale < 0.95:
        frames = [cv2.resize(f, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_AREA) for f in frames]
    return frames


def draw_scene(rng, seed, textures):
    """Five frames of a made scene, a step apart that moves things by a fraction of a pixel up to tens."""
    scene = scenes.Scene(seed, SIZE, SIZE, textures)
    step = math.exp(rng.uniform(math.log(0.03), math.log(0.4)))
    return [scene.frame(0.5 + step * (k - 2), grain=False) for k in range(FRAMES)]


def make(args):
    """Fills the cache; for make_cache.py."""
    textures = scenes.Textures(args.textures)
    real = shots.load(args.shots) if args.shots else {}
    done, index = 0, 0
    while done < args.count:
        index += 1
        rng = np.random.default_rng([args.seed, index, 7])
        level, places, kind = draw_level(rng), [(0, 0)], "made"
        if real and rng.random() < args.share:
            frames, kind = draw_shot(rng, real), "shot"
            if frames is None:
                continue
            height, width = frames[0].shape[:2]
            places = [(int(rng.integers(0, height - SIZE + 1)), int(rng.integers(0, width - SIZE + 1))) for _ in range(2)]
        else:
            frames = draw_scene(rng, [args.seed, index, 8], textures)
        for k, array in enumerate(stored(frames, level, rng, places)):
            if array[6:9].std() < 3:
                continue
            name = f"{args.cache}/{kind}_{args.seed}_{index:06d}{'ab'[k]}_{255 * level:.3f}.npy"
            with open(name + ".part", "wb") as f:
                np.save(f, array)
            os.replace(name + ".part", name)
            done += 1
            yield done, index


@dataclass
class Batch:
    """alone [a,3,P,P]; raw [m,15,S,S] with S = P + 2 MARGIN, flow [m,4,2,P,P] (px, to look up in raw: p + MARGIN + flow), align [m,4,P,P]; level [m];
    hole [m,1,P,P] (1: lost, to be filled from the neighbours)."""

    alone: torch.Tensor
    raw: torch.Tensor
    flow: torch.Tensor
    align: torch.Tensor
    level: torch.Tensor
    hole: torch.Tensor

    def to(self, device):
        return Batch(**{k: v.to(device, non_blocking=True) for k, v in vars(self).items()})


class Samples:
    """Draws batches of clean material: endless, from its seed. Photographs missing: procedural textures; cache missing or empty: pans in its place."""

    def __init__(self, cache=None, photographs=None, seed=0, patch=64, batch=16, without=()):
        self.cache, self.patch, self.batch = cache, patch, batch
        self.rng = np.random.default_rng(seed)
        self.shares = {k: 0 if k == "alone" and k in without or k in ("window", "hole") and "alignment" in without else v for k, v in SHARES.items()}
        self.textures = scenes.Textures(photographs)
        self.textures.pictures = [p for p in self.textures.pictures if min(p.shape[:2]) > 2.1 * (patch + 2 * MARGIN + 2)]
        self.rescan()

    def rescan(self):
        self.files = [sorted(glob.glob(os.path.join(self.cache, f"{k}_*.npy"))) for k in ("shot", "made", "hole")] if self.cache else [[], [], []]

    def crop(self, side):
        """A piece of a photograph [side,side,3] uint8, scaled by 1/2..1."""
        rng = self.rng
        if not self.textures.pictures:
            return np.rint(255 * scenes.made_texture(rng, side)).astype(np.uint8)
        picture = self.textures.pictures[rng.integers(len(self.textures.pictures))]
        wide = side if rng.random() < 0.3 else int(side * rng.uniform(1, min(2.0, min(picture.shape[:2]) / side)))
        y, x = rng.integers(0, picture.shape[0] - wide + 1), rng.integers(0, picture.shape[1] - wide + 1)
        piece = picture[y:y + wide, x:x + wide]
        return piece if wide == side else cv2.resize(np.ascontiguousarray(piece), (side, side), interpolation=cv2.INTER_AREA)

    def pan(self):
        """A photograph seen five times, still or at other fractions of a pixel: (raw [15,S,S] uint8, flow [4,2,P,P], align [4,P,P])."""
        rng, p = self.rng, self.patch
        side = p + 2 * MARGIN
        piece = self.crop(side + 2)
        shifts = rng.uniform(-0.5, 0.5, (FRAMES, 2)) if rng.random() < 0.7 else np.zeros((FRAMES, 2))
        raw = [cv2.warpAffine(piece, np.float64([[1, 0, -1 - dx], [0, 1, -1 - dy]]), (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for dx, dy in shifts]
        error = rng.normal(0, 0.06, (4, 2)) * (np.abs(shifts).max() > 0)
        flow = (shifts[2] - shifts[NEIGHBOURS] + error).astype(np.float32)
        level, unreliable = draw_level(rng), np.zeros((4, p, p), np.float32)
        for i, k in enumerate(NEIGHBOURS):
            if flow[i].any():  # what align.unreliability would find on average
                wrong = align.look_up(raw[k], np.broadcast_to(flow[i], (side, side, 2))).astype(np.float32) - raw[2]
                excess = cv2.blur((wrong ** 2).mean(-1) / 255 ** 2, (align.COST_BOX,) * 2)[MARGIN:-MARGIN, MARGIN:-MARGIN]
                unreliable[i] = np.sqrt(np.maximum(excess - (align.NOISE_MARGIN - 1) * 1.5 * level ** 2, 0))
        flow = np.broadcast_to(flow[:, :, None, None], (4, 2, p, p)).copy()
        return np.concatenate([r.transpose(2, 0, 1) for r in raw]), flow, unreliable, level, np.zeros((1, p, p), np.float32)

    def window(self, hole=False):
        """A patch of a stored window, its neighbours' patches moved by the mean flow in whole pixels; as `pan`."""
        rng, p = self.rng, self.patch
        shot, made, lost = self.files
        files = lost if hole else shot if shot and (not made or rng.random() < SHOT_SHARE) else made
        path = files[rng.integers(len(files))]
        array = np.load(path, mmap_mode="r")
        side, room = p + 2 * MARGIN, SIZE - p - 2 * MARGIN
        y, x = rng.integers(0, room + 1, 2)
        inner = array[:, y + MARGIN:y + MARGIN + p, x + MARGIN:x + MARGIN + p]
        flow = np.ascontiguousarray(inner[15:31]).reshape(4, 2, 2, p, p).transpose(0, 1, 3, 4, 2)
        # the stored bytes of a flow are x0 x1 y0 y1: last axis of fp16 pairs
        flow = np.ascontiguousarray(flow).view(np.float16)[..., 0].astype(np.float32)
        code = inner[31:35].astype(np.float32) / 255
        unreliable = np.where(code >= 1, UNKNOWN, code * code).astype(np.float32)
        raw = [None] * FRAMES
        raw[2] = array[6:9, y:y + side, x:x + side]
        for i, k in enumerate(NEIGHBOURS):
            dx, dy = np.rint(flow[i].mean((1, 2))).astype(int)
            ny, nx = np.clip(y + dy, 0, room), np.clip(x + dx, 0, room)
            flow[i, 0] -= nx - x
            flow[i, 1] -= ny - y
            raw[k] = array[3 * k:3 * k + 3, ny:ny + side, nx:nx + side]
        mask = inner[35:].astype(np.float32) if hole else np.zeros((1, p, p), np.float32)
        return np.concatenate(raw), flow, unreliable, float(path.rsplit("_", 1)[1][:-4]) / 255, mask

    def turned(self, raw, flow, unreliable, level, hole):
        """One of the sixteen flips, turns and orders of time; grey at times."""
        rng = self.rng
        if rng.random() < 0.5:
            raw = raw.reshape(FRAMES, 3, *raw.shape[1:])[::-1].reshape(raw.shape)
            flow, unreliable = flow[::-1], unreliable[::-1]
        if rng.random() < 0.5:
            raw, flow, unreliable, hole = raw.swapaxes(1, 2), flow.swapaxes(2, 3)[:, ::-1], unreliable.swapaxes(1, 2), hole.swapaxes(1, 2)
        for axis in (2, 1):
            if rng.random() < 0.5:
                raw, flow, unreliable, hole = np.flip(raw, axis), np.flip(flow, axis + 1).copy(), np.flip(unreliable, axis), np.flip(hole, axis)
                flow[:, 2 - axis] *= -1
        return self.greyed(np.ascontiguousarray(raw)), np.ascontiguousarray(flow), np.ascontiguousarray(unreliable), level, np.ascontiguousarray(hole)

    def greyed(self, planes):
        """[3T,h,w] uint8 -> float 0..1; one in twelve loses its colour."""
        planes = planes.astype(np.float32) / 255
        if self.rng.random() < 1 / 12:
            frames = planes.reshape(-1, 3, *planes.shape[1:])
            frames[:] = frames.mean(1, keepdims=True)
        return planes

    def __iter__(self):
        while True:
            yield self.draw()

    def draw(self):
        rng, p = self.rng, self.patch
        alone = round(self.shares["alone"] * self.batch)
        pictures = []
        for _ in range(alone):
            piece = np.rot90(self.crop(p), rng.integers(4))[:, ::rng.choice((-1, 1))]
            pictures.append(self.greyed(np.ascontiguousarray(piece.transpose(2, 0, 1))))
        several = []
        for _ in range(self.batch - alone):
            kind = rng.choice(("pan", "window", "hole"), p=[self.shares[k] / sum(self.shares[j] for j in ("pan", "window", "hole")) for k in ("pan", "window", "hole")])
            if kind == "hole" and not self.files[2]:
                kind = "window"
            several.append(self.turned(*(self.pan() if kind == "pan" or not any(self.files[:2]) else self.window(kind == "hole"))))
        stack = lambda a: torch.from_numpy(np.stack(a))
        return Batch(stack(pictures) if pictures else torch.empty(0, 3, p, p, dtype=torch.uint8), stack([s[0] for s in several]), stack([s[1] for s in several]), stack([s[2] for s in several]),
                     torch.tensor([s[3] for s in several], dtype=torch.float32), stack([s[4] for s in several]))


def squared_weights(flow, bicubic):
    """Sum of squared interpolation weights [n,1,h,w] for flows [n,2,h,w]: align.squared_weights on the device."""
    f = flow - torch.floor(flow)
    return torch.prod(sum(w * w for w in align.weights(f, "bicubic" if bicubic else "bilinear")), 1, keepdim=True)


def looked_up(raw, flow, bicubic):
    """raw [n,c,S,S] at p + MARGIN + flow [n,2,P,P] (borders replicated)."""
    side, patch = raw.shape[-1], flow.shape[-1]
    place = torch.arange(patch, device=raw.device, dtype=torch.float32) + MARGIN
    x, y = flow[:, 0] + place, flow[:, 1] + place[:, None]
    grid = torch.stack((x, y), -1) * (2 / (side - 1)) - 1
    return F.grid_sample(raw, grid, mode="bicubic" if bicubic else "bilinear", padding_mode="border", align_corners=True), x, y


def blobs(rng, n, patch):
    """Masks [n,1,P,P]: nothing for most, else dust, hairs, scratches, or all of the picture."""
    masks = np.zeros((n, patch, patch), np.uint8)
    for m in masks:
        kind = rng.random()
        if kind < 0.01:
            m[:] = 1
        elif kind < 0.10:
            for _ in range(rng.integers(1, 6)):
                place = tuple(int(v) for v in rng.integers(0, patch, 2))
                if rng.random() < 0.6:
                    cv2.ellipse(m, place, tuple(int(v) for v in rng.integers(1, 7, 2)), float(rng.uniform(0, 180)), 0, 360, 1, -1)
                elif rng.random() < 0.5:
                    cv2.line(m, (place[0], 0), (int(place[0] + rng.normal(0, 2)), patch), 1, int(rng.integers(1, 4)))
                else:
                    cv2.line(m, place, tuple(int(v) for v in place + rng.normal(0, 12, 2)), 1, int(rng.integers(1, 3)))
    return torch.from_numpy(masks)[:, None].float()


def observe(batch, rng, generator=None, without=()):
    """Noise, look-ups, masks, missing frames: (frames [n,15,P,P], sigma [n,15,P,P], grain [n,4], truth [n,3,P,P], mask [n,1,P,P]) on the batch's device."""
    device, (a, m), patch = batch.alone.device, (len(batch.alone), len(batch.raw)), batch.alone.shape[-1]
    # photographs alone
    noise = degrade.draw(rng, a, without=without).to(device)
    y, s = degrade.apply(batch.alone, noise, generator=generator)
    nothing = y.new_zeros(a, 6, patch, patch)
    frames, sigma, grain = [torch.cat((nothing, y, nothing), 1)], [torch.cat((nothing + UNKNOWN, s, nothing + UNKNOWN), 1)], [noise.grain]
    # five frames; half of those that are not plain noise have a centre of its own, weaker level
    levels = batch.level.cpu().numpy().astype(np.float64) * np.exp(rng.normal(0, 0.15, m))
    noise = degrade.draw(rng, m, levels, without=without).to(device)
    strength = np.ones((m, FRAMES), np.float32)
    weaker = rng.random(m) < 0.2
    strength[weaker, 2] = np.exp(rng.uniform(math.log(0.02), 0, weaker.sum()))
    noisy, told = degrade.apply(batch.raw, noise, torch.from_numpy(strength).to(device), generator)
    inner = slice(MARGIN, MARGIN + patch)
    bicubic = rng.random() < 0.5
    planes = [3 * k + c for k in NEIGHBOURS for c in range(3)]
    flow = batch.flow.reshape(4 * m, 2, patch, patch)
    moved, px, py = looked_up(noisy[:, planes].reshape(4 * m, 3, *noisy.shape[2:]), flow, bicubic)
    level = told[:, planes, inner, inner].reshape(4 * m, 3, patch, patch)
    curved = (noise.curve[:, 0] > 0).repeat_interleave(4)
    if bool(curved.any()):
        level = level.clone()
        level[curved] = looked_up(told[:, planes].reshape(4 * m, 3, *noisy.shape[2:])[curved], flow[curved], False)[0]
    unreliable = batch.align.reshape(4 * m, 1, patch, patch)
    last = noisy.shape[-1] - 1
    outside = ((px < -0.5) | (py < -0.5) | (px > last + 0.5) | (py > last + 0.5))[:, None]
    level = torch.sqrt(level * level * squared_weights(flow, bicubic) + unreliable * unreliable).clamp(max=UNKNOWN).masked_fill(outside, UNKNOWN)
    absent = torch.zeros(m, 4, dtype=torch.bool)
    for i in range(m):
        if rng.random() < 0.2 and "alone" not in without:
            absent[i, [[0], [3], [0, 1], [2, 3], [0, 3], [0, 1, 3], [0, 2, 3]][rng.integers(7)]] = True
    absent = absent.to(device).repeat_interleave(3, 1)[:, :, None, None]
    moved, level = moved.reshape(m, 12, patch, patch).masked_fill(absent, 0), level.reshape(m, 12, patch, patch).masked_fill(absent, UNKNOWN)
    frames.append(torch.cat((moved[:, :6], noisy[:, 6:9, inner, inner], moved[:, 6:]), 1))
    sigma.append(torch.cat((level[:, :6], told[:, 6:9, inner, inner], level[:, 6:]), 1))
    grain.append(noise.grain)
    frames, sigma = torch.cat(frames), torch.cat(sigma)
    truth = torch.cat((batch.alone, batch.raw[:, 6:9, inner, inner]))
    mask = blobs(rng, a + m, patch).to(device)
    frames[:, 6:9] = torch.where(mask > 0, torch.from_numpy(rng.uniform(0, 1, (a + m, 1, 1, 1)).astype(np.float32)).to(device), frames[:, 6:9])
    sigma[:, 6:9] = sigma[:, 6:9].masked_fill(mask > 0, UNKNOWN)
    lost = torch.cat((batch.hole.new_zeros(a, 1, patch, patch), batch.hole))
    frames, sigma = holes.guess(frames, sigma, lost)
    return frames, sigma, torch.cat(grain), truth, torch.maximum(mask, lost)
