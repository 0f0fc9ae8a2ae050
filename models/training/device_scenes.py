"""Made scenes in batches, on the device that trains: what scenes.py does one at a time, as torch code, so that the trainer never waits.

A `Bank` holds textures (photographs' tiles and procedural ones) and masks as uint8 tensors; `Scenes.batch(step)` draws a batch that is a pure function of (seed, step).
Geometry: a layer's point q stands at P(q, tau) = Cam(c(tau) + A(tau) (q + tau D(q)), tau), D a sum of plane waves. P is exact; its inverse (what rendering needs) and
the flows P(q_a(p), b) - p are found by fixed point on a grid of GRID px and brought to full size by Catmull-Rom splines, whose error stays below .02 px (test_full.py).
"""
import glob
import math
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import scenes

TILE = 512  # px, side of a texture tile
MASK = 192  # px, side of a mask
GRID = 4  # px, spacing of the geometry's grid
WAVES = 3
STEEPNESS = 0.12  # largest gradient of one plane wave: three stay a contraction
FIXED_POINT_ITERATIONS = 10
STATIC = 99  # layer number of what stands still over the picture


def _photograph(path):
    """One or two square tiles [TILE,TILE,3] of a photograph (two where it is much longer than wide)."""
    picture = cv2.imread(path)[:, :, ::-1]
    height, width = picture.shape[:2]
    side = min(height, width)
    places = [((height - side) // 2, (width - side) // 2)] if max(height, width) < 1.35 * side else [(0, 0), (height - side, width - side)]
    return [cv2.resize(np.ascontiguousarray(picture[y:y + side, x:x + side]), (TILE, TILE), interpolation=cv2.INTER_AREA if side > TILE else cv2.INTER_CUBIC) for y, x in places]


def _made(seed):
    return [np.rint(255 * scenes.made_texture(np.random.default_rng([seed, 1]), TILE)).astype(np.uint8)]


def _mask(seed):
    """A soft mask [MASK,MASK] with an empty border: shapes of scenes.py and, one in three, wires, fences or glyphs."""
    rng = np.random.default_rng([seed, 2])
    kind = rng.integers(12)
    if kind >= 4:
        return np.rint(255 * scenes.soft_mask(rng, MASK)).astype(np.uint8)
    mask = np.zeros((MASK, MASK), np.float32)
    place = lambda: tuple(int(c) for c in rng.uniform(0.02, 0.98, 2) * MASK)
    if kind == 0:  # wires, twigs
        for _ in range(rng.integers(2, 9)):
            points = np.cumsum(np.vstack((place(), rng.normal(0, 22, (7, 2)))), 0).astype(np.int32)
            cv2.polylines(mask, [points], False, 1.0, int(rng.integers(1, 4)), cv2.LINE_AA)
    elif kind == 1:  # fence
        period, thick = int(rng.integers(9, 36)), int(rng.integers(1, 5))
        for k in range(4, MASK - 4, period):
            cv2.line(mask, (k, 3), (k, MASK - 4), 1.0, thick, cv2.LINE_AA)
            if period % 2:
                cv2.line(mask, (3, k), (MASK - 4, k), 1.0, thick, cv2.LINE_AA)
    else:
        _write(rng, mask, int(rng.integers(1, 7)))
    mask = cv2.GaussianBlur(mask, (0, 0), float(rng.choice((0.6, 0.8, 1.2))))
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    return np.rint(255 * np.clip(mask, 0, 1)).astype(np.uint8)


def _write(rng, mask, lines):
    for _ in range(lines):
        text = "".join(chr(c) for c in rng.integers(33, 127, rng.integers(2, 12)))
        cv2.putText(mask, text, (int(rng.integers(2, MASK // 2)), int(rng.integers(20, MASK))), int(rng.integers(0, 8)), float(rng.uniform(0.4, 1.6)), 1.0, int(rng.integers(1, 4)), cv2.LINE_AA)


def _overlay(seed):
    """Glyphs that stand still over a picture: a line of text, a logo, a clock."""
    rng, mask = np.random.default_rng([seed, 3]), np.zeros((MASK, MASK), np.float32)
    _write(rng, mask, int(rng.integers(1, 3)))
    if rng.random() < 0.3:
        cv2.rectangle(mask, (8, 8), (int(rng.integers(24, 90)), int(rng.integers(24, 60))), 1.0, -1)
    return np.rint(255 * np.clip(mask, 0, 1)).astype(np.uint8)


class Bank:
    """Textures [P,3,TILE,TILE] and masks, overlays [K,1,MASK,MASK], uint8 on `device`; photographs come first (`photographs` of them, 0 without a folder)."""

    def __init__(self, folder=None, made=256, masks=512, seed=0, device="cpu", workers=1):
        paths = sorted(p for ext in ("jpg", "jpeg", "png", "webp") for p in glob.glob(os.path.join(folder, "**", "*." + ext), recursive=True)) if folder else []
        if folder and not paths:
            raise SystemExit(f"no photographs in {folder}: run pack.py, or leave --textures out to train on made textures alone")
        jobs = [(_photograph, paths), (_made, range(1000 * seed, 1000 * seed + made)), (_mask, range(1000 * seed, 1000 * seed + masks)), (_overlay, range(1000 * seed, 1000 * seed + masks // 4))]
        if workers > 1:
            with ProcessPoolExecutor(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
                photographs, textures, masks, overlays = ([*pool.map(f, list(items), chunksize=4)] for f, items in jobs)
        else:
            photographs, textures, masks, overlays = ([f(i) for i in items] for f, items in jobs)
        photographs = [tile for tiles in photographs for tile in tiles]
        self.photographs = len(photographs)
        tiles = photographs + [tile for tiles in textures for tile in tiles]
        self.textures = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2).contiguous().to(device)
        self.masks, self.overlays = (torch.from_numpy(np.stack(m))[:, None].to(device) for m in (masks, overlays))


@dataclass
class Made:
    """A batch: frame0, frame1, truth [N,3,H,W] RGB code values on 8-bit levels (grain on the frames only); t [N,1,1,1];
    f01, f10 [N,2,H,W] px true motion of what is seen in frame 0 and 1, to the other's time (also where it is hidden there);
    seen01, seen10 [N,1,H,W] 1 where the same surface is seen in the other frame; sure0, sure1 [N,1,H,W] the visible layer's share of the pixel's colour, 0..1;
    ft0, ft1, seent0, seent1, suret: the same from the frame at t."""

    frame0: torch.Tensor
    frame1: torch.Tensor
    truth: torch.Tensor
    t: torch.Tensor
    f01: torch.Tensor
    f10: torch.Tensor
    seen01: torch.Tensor
    seen10: torch.Tensor
    sure0: torch.Tensor
    sure1: torch.Tensor
    ft0: torch.Tensor
    ft1: torch.Tensor
    seent0: torch.Tensor
    seent1: torch.Tensor
    suret: torch.Tensor


def catmull_rom(size, device):
    """[size, nodes] weights that take values at -GRID, 0, GRID, ... to those at 0, 1, ..., size - 1 by Catmull-Rom splines."""
    nodes = (size - 1) // GRID + 4
    weights = torch.zeros(size, nodes)
    for p in range(size):
        cell, s = p // GRID, (p % GRID) / GRID
        weights[p, cell:cell + 4] = torch.tensor([-s + 2 * s * s - s ** 3, 2 - 5 * s * s + 3 * s ** 3, s + 4 * s * s - 3 * s ** 3, -s * s + s ** 3]) / 2
    return weights.to(device)


def to_device(tensor, device):
    """A host tensor on the device, without making the host wait for what the device is doing."""
    return tensor.pin_memory().to(device, non_blocking=True) if torch.device(device).type == "cuda" else tensor.to(device)


def inverse(matrix):
    """Of matrices [N,2,2], in closed form: torch.linalg.inv makes the host wait."""
    a, b, c, d = matrix.flatten(1).unbind(1)
    return torch.stack((d, -b, -c, a), 1).view(-1, 2, 2) / (a * d - b * c).view(-1, 1, 1)


def rotation(angle):
    """[..., 2, 2] of angles [...]."""
    return torch.stack((torch.stack((angle.cos(), -angle.sin()), -1), torch.stack((angle.sin(), angle.cos()), -1)), -2)


def between(u, low, high):
    """Uniform in low..high of u in 0..1; the laws below take u likewise."""
    return low + (high - low) * u


def logarithmic(u, low, high):
    return torch.exp(between(u, math.log(low), math.log(high)))


def normal(u):
    return math.sqrt(2) * torch.erfinv((2 * u - 1).clamp(-0.999, 0.999))


def chance(u, p):
    """1 with probability p, else 0."""
    return (u < p).float()


def heading(u, v):
    """Directions [...,2], mostly sideways."""
    return torch.stack(((2 * math.pi * u).cos(), (2 * math.pi * u).sin() * between(v, 0.2, 1)), -1)


class Path:
    """How M layers move: parameters [M,...], px and radians, positions [M,...,2] (x, y), times tau [M]; the camera moves what the layer's own motion has placed."""

    def __init__(self, *parameters):
        self.parameters = parameters
        (self.centre, self.velocity, self.acceleration, self.angle, self.spin, self.zoom, self.growth, self.wave, self.phase, self.amplitude,  # waves [M,WAVES,2], phases [M,WAVES], amplitudes [M,WAVES,2]
         self.middle, self.camera_velocity, self.camera_acceleration, self.camera_spin, self.camera_growth) = parameters

    def repeat(self, times):
        """Each layer `times` over, next to each other."""
        return Path(*(p.repeat_interleave(times, 0) for p in self.parameters))

    def bend(self, q):
        """D(q) [N,M,2] px."""
        return torch.sin(q @ self.wave.transpose(1, 2) + self.phase[:, None]) @ self.amplitude

    def affine(self, tau):
        """A(tau) [N,2,2] and centre [N,2], the camera's included."""
        matrix = rotation(self.angle + self.spin * tau) * (self.zoom * (1 + self.growth * tau))[:, None, None]
        centre = self.centre + self.velocity * tau[:, None] + self.acceleration * (tau * (tau - 1))[:, None]
        turn = rotation(self.camera_spin * tau) * (1 + self.camera_growth * tau)[:, None, None]
        moved = (turn @ (centre - self.middle)[..., None])[..., 0] + self.middle + self.camera_velocity * tau[:, None] + self.camera_acceleration * (tau * (tau - 1))[:, None]
        return turn @ matrix, moved

    def to_frame(self, q, tau):
        """P(q, tau) [N,M,2]."""
        matrix, centre = self.affine(tau)
        return (q + tau[:, None, None] * self.bend(q)) @ matrix.transpose(1, 2) + centre[:, None]

    def to_layer(self, p, tau):
        """q [N,M,2] with P(q, tau) = p, by fixed point."""
        matrix, centre = self.affine(tau)
        rigid = (p - centre[:, None]) @ inverse(matrix).transpose(1, 2)
        q = rigid
        wave, phase, amplitude = self.wave.transpose(1, 2), self.phase[:, None], -tau[:, None, None] * self.amplitude
        for _ in range(FIXED_POINT_ITERATIONS):
            q = torch.baddbmm(rigid, torch.baddbmm(phase, q, wave).sin_(), amplitude)
        return q


class Scenes:
    """Draws batches of made scenes from a bank. Motion up to `largest` of the width; `photographs` = share of the textures taken from them."""

    def __init__(self, bank, seed=0, largest=0.25, photographs=0.8):
        self.bank, self.seed, self.largest = bank, seed, largest
        self.device = bank.textures.device
        self.photographs = photographs if bank.photographs else 0.0
        self.splines, self.diagonals = {}, {}

    def diagonal(self, height, width):
        """[2]: width, height."""
        if (height, width) not in self.diagonals:
            self.diagonals[height, width] = torch.tensor([width, height], dtype=torch.float32, device=self.device)
        return self.diagonals[height, width]

    def upsample(self, field, height, width, last=True):
        """[N,K,h,w,2] on the geometry's grid to [N,K,height,width,2], or [N,K,2,height,width] where not `last`."""
        for size in (height, width):
            if size not in self.splines:
                self.splines[size] = catmull_rom(size, self.device)
        return torch.einsum("yi,nkijc,xj->nkyxc" if last else "yi,nkijc,xj->nkcyx", self.splines[height], field, self.splines[width])

    @torch.no_grad()
    def batch(self, step, n, height, width, plain=False):
        """`n` samples as Made. `plain`: no blur, exposure change, grain, overlay, transparency or rounding, for tests of the geometry."""
        host = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % (1 << 62))
        rng = np.random.default_rng([self.seed, step])
        layers = int(rng.integers(1, 7))
        blurred = not plain and rng.random() < 0.25
        draws = torch.rand(layers + 2, n, 64, generator=host)
        sizes = (n, height, width)
        with torch.autocast(self.device.type, enabled=False):
            return self.compose(to_device(draws, self.device), sizes, rng.random(layers + 1) < 0.1, blurred, plain, step)

    def compose(self, draws, sizes, repeats, blurred, plain, step):
        """The batch from its random numbers [layers + 2, N, 64]. What is small is computed for all layers and instants at once: launches, not arithmetic, are what a GPU would wait for."""
        n, height, width = sizes
        device, diagonal = self.device, self.diagonal(height, width)
        scene, last, layers = draws[-1], draws[-2], draws[:-1]
        count = len(layers)
        widest = self.largest * width
        t = torch.where(scene[:, 0] < 0.5, torch.full_like(scene[:, 0], 0.5), between(scene[:, 1], 0.04, 0.96))
        instants = [torch.zeros_like(t), t, torch.ones_like(t)]
        if blurred:
            shutter = between(scene[:, 2], 0.08, 0.5) * chance(scene[:, 3], 0.8)
            instants += [tau + side * shutter for tau in instants for side in (-1 / 3, 1 / 3)]
        many = len(instants)
        tau = torch.stack(instants, 1).repeat(count, 1).flatten()  # of layer, item, instant

        grid = lambda size: torch.arange((size - 1) // GRID + 4, device=device, dtype=torch.float32) * GRID - GRID
        y, x = torch.meshgrid(grid(height), grid(width), indexing="ij")
        coarse = torch.stack((x, y), -1).reshape(1, -1, 2)
        path = self.path(layers.flatten(0, 1), count, diagonal, widest, self.camera(scene, diagonal, widest))
        q = path.repeat(many).to_layer(coarse, tau).view(count * n, many, -1, 2)
        ends = torch.stack([instants[k] for k in (2, 0, 0, 2)], 1).repeat(count, 1).flatten()
        moved = path.repeat(4).to_frame(torch.stack((q[:, 0], q[:, 2], q[:, 1], q[:, 1]), 1).flatten(0, 1), ends) - coarse  # f01, f10, ft0, ft1
        by_layer = lambda f: f.view(count, n, -1, len(x), x.shape[1], 2)
        moved, q = by_layer(moved), by_layer(q)
        looks, shapes = self.looks(layers), self.shapes(layers, width, plain)

        picture = identity = sure = flows = None
        for k in range(count):
            mine = self.upsample(moved[k], height, width, last=False).transpose(0, 1)
            rgb = self.texture(looks, k, q[k], repeats[k], height, width)
            if k == 0:
                picture, flows = rgb, mine
                identity, sure = torch.zeros(n, 1, 3 * height, width, device=device), torch.ones(n, 1, 3 * height, width, device=device)
                continue
            alpha = self.mask(shapes, k, q[k], height, width)
            picture = torch.lerp(picture, rgb, alpha)
            main = alpha[:, :, :3 * height]
            over = main > 0.5
            identity = identity.masked_fill(over, k)
            sure = torch.where(over, main, sure * (1 - main))
            at0, at_t, at1 = over.split(height, 2)
            flows = torch.where(torch.stack((at0, at1, at_t, at_t)), mine, flows)

        by_instant = lambda f: f.unflatten(2, (f.shape[2] // height, height)).transpose(1, 2)  # [N,instants,C,H,W]
        frames, identity, sure = by_instant(picture), by_instant(identity), by_instant(sure)
        if blurred:
            frames = (frames[:, :3] + frames[:, 3::2] + frames[:, 4::2]) / 3
        if not plain:
            frames, identity, sure, flows = self.overlay(last, frames, identity, sure, flows)
            frames = self.grain(scene, self.expose(scene, self.lens(scene, frames), t), step).clamp(0, 1).mul(255).round().div(255)
        f01, f10, ft0, ft1 = flows
        of = lambda order: torch.stack([identity[:, k] for k in order], 1)
        seen = self.seen(of((0, 2, 1, 1)), of((2, 0, 0, 2)), flows.transpose(0, 1))
        return Made(frames[:, 0], frames[:, 2], frames[:, 1], t.view(-1, 1, 1, 1), f01, f10, seen[:, 0], seen[:, 1], sure[:, 0], sure[:, 2], ft0, ft1, seen[:, 2], seen[:, 3], sure[:, 1])

    def camera(self, u, diagonal, widest):
        """Middle, velocity, acceleration, spin, growth of the camera's motion, by item."""
        speed = logarithmic(u[:, 4], 0.3, 0.7 * widest) * (1 - chance(u[:, 5], 0.15))
        velocity = speed[:, None] * heading(u[:, 6], u[:, 7])
        acceleration = 0.1 * speed[:, None] * normal(u[:, 8:10]) * chance(u[:, 10], 0.4)[:, None]
        return (diagonal / 2).expand(len(u), 2), velocity, acceleration, 0.05 * normal(u[:, 11]) * chance(u[:, 12], 0.4), 0.05 * normal(u[:, 13]) * chance(u[:, 14], 0.5)

    def path(self, u, count, diagonal, widest, camera):
        """The motion of all layers, the ground (the first of `count`) first; most move with the camera."""
        n = len(u) // count
        free = (torch.arange(count * n, device=u.device) >= n).float()  # 0 for the ground: it moves with the camera and bends, no more
        middle, *camera = (c.repeat(count, *[1] * (c.dim() - 1)) for c in camera)
        held = torch.maximum(chance(u[:, 0], 0.75), 1 - free)
        velocity, acceleration, spin, growth = (c * (held[:, None] if c.dim() > 1 else held) for c in camera)
        length = logarithmic(u[:, 17:17 + WAVES], 40, 240)
        direction = 2 * math.pi * u[:, 20:20 + WAVES]
        wave = (2 * math.pi / length)[..., None] * torch.stack((direction.cos(), direction.sin()), -1)
        speed = free * logarithmic(u[:, 1], 0.3, widest)
        centre = torch.where(free[:, None] > 0, u[:, 2:4] * diagonal, middle)
        own = speed[:, None] * heading(u[:, 4], u[:, 5])
        own = own * (widest / (own + velocity).norm(dim=1).clamp(min=1e-6)).clamp(max=1)[:, None]
        height = torch.minimum(STEEPNESS * length / (2 * math.pi), (0.15 * (speed + velocity.norm(dim=1)) + 0.6).clamp(max=8)[:, None])
        turn = 2 * math.pi * u[:, 23:23 + WAVES]
        amplitude = (height * u[:, 26:26 + WAVES] * chance(u[:, 16], 0.5)[:, None])[..., None] * torch.stack((turn.cos(), turn.sin()), -1)
        spins = normal(u[:, 29]) * (0.06 + 0.14 * chance(u[:, 30], 0.1)) * chance(u[:, 31], 0.5)
        return Path(centre, own, 0.12 * speed[:, None] * normal(u[:, 6:8]) * chance(u[:, 8], 0.5)[:, None], free * between(u[:, 9], -0.5, 0.5), free * spins,
                    torch.exp(0.1 * free * normal(u[:, 10])), free * 0.06 * normal(u[:, 11]) * chance(u[:, 12], 0.6), wave, 2 * math.pi * u[:, 32:32 + WAVES], amplitude,
                    middle, velocity, acceleration, spin, growth)

    def looks(self, u):
        """How textures are laid on the layers [L,N,...]: tile, turn (scale and mirror in it) and place in tile coordinates -1..1, period of those that repeat, gain, gamma."""
        photographs, count = self.bank.photographs, len(self.bank.textures)
        pick = torch.where(u[..., 35] < self.photographs, (u[..., 36] * photographs).floor(), photographs + (u[..., 36] * (count - photographs)).floor()).long().clamp(max=count - 1)
        turn = rotation(2 * math.pi * u[..., 38]) * (2 / TILE * logarithmic(u[..., 37], 0.9, 1.6))[..., None, None]
        mirror = torch.stack((1 - 2 * chance(u[..., 39], 0.5), torch.ones_like(u[..., 39])), -1)[..., None, :]
        by_px = lambda f: f[..., None, None, None]
        gamma = torch.exp(0.4 * (u[..., 45] - 0.5))
        return pick, turn * mirror, (u[..., 42:44] - 0.5)[..., None, None, None, :] * 2, by_px(2 / TILE * (12 + 60 * u[..., 40])), by_px((0.7 + 0.5 * u[..., 44]) / 255 ** gamma), by_px(gamma)

    def texture(self, looks, k, q, repeats, height, width):
        """Colours [N,3,instants height,width] of layer k's points q [N,instants,h,w,2] on the geometry's grid. What is linear is done there; `repeats`: a small piece of the tile, again and again."""
        pick, turn, place, period, gain, gamma = (f[k] for f in looks)
        q = torch.einsum("nij,nkyxj->nkyxi", turn, q)
        at = self.upsample(q if repeats else q + place, height, width).flatten(1, 2)
        if repeats:
            at = period - (torch.remainder(at, 2 * period) - period).abs() + place[:, 0]
        rgb = F.grid_sample(self.bank.textures[pick].float(), at, mode="bilinear", padding_mode="reflection", align_corners=False)
        return rgb.clamp_(min=0.03).pow_(gamma).mul_(gain)

    def shapes(self, u, width, plain):
        """The layers' masks [L,N,...]: which, half sides in px, opacity; one layer in eight is glass (.25-.37 or .57-.75, so that which layer counts as seen doesn't flicker)."""
        pick = (u[..., 46] * len(self.bank.masks)).long().clamp(max=len(self.bank.masks) - 1)
        radius = 0.5 * width * logarithmic(u[..., 47], 0.12, 1.1)
        sides = torch.stack((radius, radius * torch.exp(0.8 * (u[..., 48] - 0.5))), -1)[..., None, None, None, :]
        glass = 0.25 + 0.3 * u[..., 50] + 0.2 * (u[..., 50] > 0.4)
        opacity = torch.where(u[..., 49] < (0.0 if plain else 0.12), glass, torch.ones_like(glass))
        return pick, sides, opacity[..., None, None, None] / 255

    def mask(self, shapes, k, q, height, width):
        """Alpha [N,1,instants height,width] of layer k's points q, as in `texture`."""
        pick, sides, opacity = (f[k] for f in shapes)
        at = self.upsample(q / sides, height, width).flatten(1, 2)
        return opacity * F.grid_sample(self.bank.masks[pick].float(), at, mode="bilinear", padding_mode="zeros", align_corners=False)

    def overlay(self, u, frames, identity, sure, flows):
        """Glyphs that stand still over one sample in eight: they move by nothing while all else does."""
        bank = self.bank.overlays
        height, width = frames.shape[-2:]
        picked = bank[(u[:, 51] * len(bank)).long().clamp(max=len(bank) - 1)].float() / 255
        y, x = torch.meshgrid(torch.arange(height, device=u.device), torch.arange(width, device=u.device), indexing="ij")
        place = torch.stack((x, y), -1)[None] - (u[:, 52:54] * self.diagonal(height, width))[:, None, None]
        alpha = F.grid_sample(picked, place * (2 / MASK / between(u[:, 54], 0.6, 1.4))[:, None, None, None], mode="bilinear", padding_mode="zeros", align_corners=False)
        alpha = (alpha * chance(u[:, 55], 0.12)[:, None, None, None])[:, None]  # [N,1,1,H,W]: the same at every instant
        colour = (u[:, 56:57] + 0.1 * (u[:, 57:60] - 0.5)).clamp(0, 1)[:, None, :, None, None]
        over = alpha > 0.5
        return frames + alpha * (colour - frames), identity.masked_fill(over, STATIC), torch.where(over, alpha, sure * (1 - alpha)), flows.masked_fill(over[:, 0], 0)

    def lens(self, u, frames):
        """Blur of the optics, half of the samples, up to .9 px, the same at every instant."""
        sigma = (between(u[:, 16], 0.25, 0.9) * chance(u[:, 17], 0.5) + 0.05)[:, None, None, None, None]
        side = torch.exp(-0.5 / sigma ** 2)
        f = F.pad(frames.flatten(0, 1), (1, 1, 1, 1), mode="replicate").unflatten(0, frames.shape[:2])
        f = (f[..., 1:-1, :] + side * (f[..., :-2, :] + f[..., 2:, :])) / (1 + 2 * side)
        return (f[..., 1:-1] + side * (f[..., :-2] + f[..., 2:])) / (1 + 2 * side)

    def expose(self, u, frames, t):
        """Exposure that drifts over the interval, one sample in five; one in ten is grey."""
        change = 0.06 * normal(u[:, 18]) * chance(u[:, 19], 0.2)
        frames = frames * (1 + torch.stack((torch.zeros_like(t), t, torch.ones_like(t)), 1) * change[:, None])[..., None, None, None]
        return frames + chance(u[:, 20], 0.1)[:, None, None, None, None] * (frames.mean(2, keepdim=True) - frames)

    def grain(self, u, frames, step):
        """Film grain on the two given frames, two samples in five: deviation largest in the mid-tones, correlated over neighbours; the truth stays clean."""
        deviation = (logarithmic(u[:, 21], 0.8, 12) / 255 * chance(u[:, 22], 0.4))[:, None, None, None, None]
        blend = (0.5 * u[:, 23])[:, None, None, None, None]  # lag-1 correlation
        generator = torch.Generator(self.device).manual_seed((self.seed * 1_000_003 + step) % (1 << 62))
        n, _, _, height, width = frames.shape
        noise = torch.randn(n, 2, 3, height + 1, width + 1, generator=generator, device=self.device)
        noise = noise[..., 1:, :] + blend * noise[..., :-1, :]
        noise = (noise[..., 1:] + blend * noise[..., :-1]) / (1 + blend ** 2)
        given = frames[:, ::2]
        given = given + deviation * (4 * given * (1 - given)).clamp(0.05, 1).sqrt() * noise
        return torch.stack((given[:, 0], frames[:, 1], given[:, 1]), 1)

    def seen(self, here, there, flow):
        """1 where the layer seen here is the one seen at p + flow there (nearest px), inside the picture: all [N,4,1 or 2,H,W]."""
        height, width = here.shape[-2:]
        y, x = torch.meshgrid(torch.arange(height, device=here.device), torch.arange(width, device=here.device), indexing="ij")
        column, row = (x + flow[:, :, 0]).round(), (y + flow[:, :, 1]).round()
        inside = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
        index = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long()
        found = there.flatten(2).gather(2, index.flatten(2)).view(here.shape)
        return (inside[:, :, None] & (found == here)).float()
