"""Noise of film and sensors on batches of clean pictures, on whatever device they are: what is added and what the network is told of it.

A picture's noise is sigma(u) times a field of variance 1: coloured by a small kernel (lag-1 correlations follow from it), correlated over channels,
with sigma(u) constant, a sensor's (variance a u + b^2) or film's (s0 [4u(1-u)]^gamma + s_r), each channel with its own factor; a few pictures then pass through JPEG.
"""
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

KERNEL = 7  # px, side of the colouring kernels
LEVELS = (0.1 / 255, 60 / 255)
LEVEL_BOX = 5  # px: sigma(u) is told from the noisy picture, averaged over this box, as the pipeline must


def autocorrelation(kernel, dy, dx):
    """Correlation at the lag (dy, dx) of white noise coloured by `kernel` [k,k]."""
    k = kernel.shape[0]
    shifted = kernel[dy:, dx:], kernel[:k - dy, :k - dx]
    return float((shifted[0] * shifted[1]).sum() / (kernel ** 2).sum())


def line(rho, family):
    """A 1-D kernel [KERNEL] of energy 1 whose lag-1 correlation is `rho` in 0...8: 'gauss' (a lens's or scanner's blur), 'decay' (autoregressive,
    one-sided), 'tail' (both-sided exponential: demosaicking, subsampled colour) or 'tent' ([a 1 a], rho <= .7)."""
    k = np.arange(KERNEL)

    def shape(p):
        if family == "gauss":
            taps = np.exp(-0.5 * ((k - KERNEL // 2) / (p + 1e-3)) ** 2)
        elif family in ("decay", "tail"):
            taps = p ** (k if family == "decay" else abs(k - KERNEL // 2))
        else:
            taps = np.where(k == KERNEL // 2, 1.0, np.where(abs(k - KERNEL // 2) == 1, p, 0.0))
        return taps / np.sqrt((taps ** 2).sum())

    low, high = 0.0, {"gauss": 2.5, "decay": 1.0, "tail": 1.0, "tent": 0.7}[family]
    for _ in range(30):  # the correlation grows with the parameter
        middle = 0.5 * (low + high)
        taps = shape(middle)
        low, high = (middle, high) if (taps[1:] * taps[:-1]).sum() < rho else (low, middle)
    return shape(low)


def colouring(rng, rho_x, rho_y):
    """A kernel [KERNEL,KERNEL] of energy 1 with those lag-1 correlations along x and y, of a random family."""
    family = rng.choice(("gauss", "decay", "tail", "tent") if max(rho_x, rho_y) < 0.68 else ("gauss", "decay", "tail"))
    flip = lambda taps: taps[::rng.choice((-1, 1))]
    return np.outer(flip(line(rho_y, family)), flip(line(rho_x, family)))


@dataclass
class Noise:
    """What is drawn for a batch of n: kernels [n,K,K], chroma [n] (correlation between channels), curve [n,4] (kind 0 constant, 1 sensor, 2 film; the kind's two
    parameters; the level), ratio [n,3] (of channels), told [n] (factor of the level that the network is told), clip [n], round [n] (flags), quality [n] (of JPEG, 0: none)."""

    kernels: torch.Tensor
    chroma: torch.Tensor
    curve: torch.Tensor
    ratio: torch.Tensor
    told: torch.Tensor
    clip: torch.Tensor
    round: torch.Tensor
    quality: torch.Tensor

    def to(self, device):
        return Noise(**{k: v.to(device) for k, v in vars(self).items()})

    @property
    def grain(self):
        """[n,4]: rho_x, rho_y, rho_diag, rho_chroma."""
        k = self.kernels
        energy = k.square().sum((1, 2))
        along = lambda a, b: (a * b).sum((1, 2)) / energy
        diagonal = 0.5 * (along(k[:, 1:, 1:], k[:, :-1, :-1]) + along(k[:, 1:, :-1], k[:, :-1, 1:]))
        return torch.stack((along(k[:, :, 1:], k[:, :, :-1]), along(k[:, 1:], k[:, :-1]), diagonal, self.chroma), 1)


def draw(rng, n, levels=None, plain=0.5, without=()):
    """Noise for n samples; a share `plain` is white, equal in all channels, of constant level, clipped and rounded (that is how denoisers are compared).
    `levels` [n] where they are given (else: plain 3..55/255 evenly, the others log-uniform over LEVELS). `without` leaves out ingredients: 'coloured', 'misjudged', 'compressed'."""
    kernels = np.zeros((n, KERNEL, KERNEL), np.float32)
    kernels[:, KERNEL // 2, KERNEL // 2] = 1
    chroma, curve, ratio, told = np.zeros(n), np.zeros((n, 4)), np.ones((n, 3)), np.ones(n)
    clip, rounded, quality = np.ones(n), np.ones(n), np.zeros(n)
    for i in range(n):
        if rng.random() < plain:
            curve[i, 3] = rng.uniform(3, 55) / 255
        else:
            curve[i, 3] = math.exp(rng.uniform(math.log(LEVELS[0]), math.log(LEVELS[1])))
            kind = curve[i, 0] = rng.choice(3, p=(0.4, 0.2, 0.4))
            if kind == 1:
                curve[i, 1] = rng.uniform(0.1, 1)  # share of the variance at u = 1 that grows with u
            elif kind == 2:
                curve[i, 1], curve[i, 2] = rng.uniform(0.3, 1), rng.uniform(0.02, 0.4)  # gamma, s_r / s0
            if rng.random() < 0.6:
                rho_x = rng.uniform(0, 0.8)
                kernels[i] = colouring(rng, rho_x, min(0.8, rho_x * math.exp(rng.normal(0, 0.25))))
            if rng.random() < 0.5:
                chroma[i] = rng.uniform(0, 0.6) if rng.random() < 0.8 else 1.0  # 1: monochrome film
            if rng.random() < 0.5 and chroma[i] < 1:
                ratio[i] = rng.uniform(0.6, 1), 1, math.exp(rng.uniform(0, math.log(3)))
            told[i] = math.exp(rng.normal(0, 0.04 if rng.random() < 0.6 else 0.2))
            clip[i], rounded[i] = rng.random() < 0.8, rng.random() < 0.5
            if clip[i] and rng.random() < 0.2:
                quality[i] = rng.uniform(60, 97)
        if levels is not None:
            curve[i, 3] = levels[i]
    if "coloured" in without:
        kernels[:], chroma[:] = 0, 0
        kernels[:, KERNEL // 2, KERNEL // 2] = 1
    if "misjudged" in without:
        told[:] = 1
    if "compressed" in without:
        quality[:] = 0
    ratio *= (np.minimum(curve[:, 3], 70 / 255 / ratio.max(1)) / curve[:, 3])[:, None]
    f = lambda a: torch.from_numpy(np.asarray(a, np.float32))
    return Noise(f(kernels), f(chroma), f(curve), f(ratio), f(told), f(clip), f(rounded), f(quality))


def sigma_of(u, noise):
    """The noise's standard deviation [n,3T,H,W] at intensities u [n,3T,H,W] of T frames."""
    flat = (noise.curve[:, 3:4] * noise.ratio).repeat(1, u.shape[1] // 3)[:, :, None, None]
    sigma = flat.expand_as(u)
    curved = noise.curve[:, 0] > 0
    if bool(curved.any()):
        kind, first, second = (noise.curve[curved, k, None, None, None] for k in range(3))
        v = u[curved].clamp(0, 1)
        sensor = torch.sqrt(first * v + (1 - first) * 0.25)
        film = ((4 * v * (1 - v)).clamp(min=1e-4) ** first + second) / (1 + second)
        sigma = sigma.clone()
        sigma[curved] = flat[curved] * torch.where(kind == 1, sensor, film)
    return sigma


def field(shape, noise, generator=None):
    """Noise [n,3T,H,W] of mean 0, variance 1 with the batch's colours and correlation between the channels of a frame."""
    n, c, h, w = shape
    device, margin = noise.kernels.device, KERNEL - 1
    coloured = noise.kernels[:, KERNEL // 2, KERNEL // 2] < 0.999
    normal = lambda *s: torch.randn(*s, generator=generator, device=device)
    white = normal(n, c, h, w)
    if bool(coloured.any()):
        k = int(coloured.sum())
        wide = normal(1, k * c, h + margin, w + margin)
        kernels = noise.kernels[coloured].repeat_interleave(c, 0)[:, None]
        white[coloured] = F.conv2d(wide, kernels, groups=k * c).view(k, c, h, w)
    mixed = noise.chroma > 0
    if bool(mixed.any()):  # what a frame's channels share: taken from a further field, coloured alike by mixing the three
        rho = noise.chroma[mixed][:, None, None, None, None]
        own = white[mixed].view(-1, c // 3, 3, h, w)
        # with a = sqrt(1 - rho), x_i = a n_i + b (n_1 + n_2 + n_3): covariance 2ab + 3b^2 = rho, variance a^2 + 2ab + 3b^2 = 1
        a = torch.sqrt(1 - rho)
        b = (torch.sqrt(a * a + 3 * rho) - a) / 3
        white[mixed] = (a * own + b * own.sum(2, keepdim=True)).view(-1, c, h, w)
    return white


LUMA = torch.tensor([[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
                     [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92], [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]]) / 255.0
CHROMA = torch.full((8, 8), 99.0)
CHROMA[:4, :4] = torch.tensor([[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]])
CHROMA /= 255
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
DCT = torch.tensor([[(0.5 if k else math.sqrt(0.125)) * math.cos((2 * i + 1) * k * math.pi / 16) for i in range(8)] for k in range(8)])


def jpeg(pictures, quality):
    """pictures [n,3,H,W] as JPEG of 4:2:0 gives them back, quality [n] in 50..100 (ITU-T T.81, annex K's tables scaled as libjpeg does); H, W multiples of 8."""
    n, _, h, w = pictures.shape
    device = pictures.device
    scale = ((200 - 2 * quality) / 100).view(n, 1, 1, 1, 1)
    basis = DCT.to(device)

    def coded(plane, table):
        height, width = plane.shape[-2:]
        plane = F.pad(plane, (0, -width % 8, 0, -height % 8), mode="replicate")
        blocks = plane.reshape(n, plane.shape[-2] // 8, 8, plane.shape[-1] // 8, 8).transpose(2, 3)
        step = (table.to(device) * scale).clamp(min=1 / 255)
        blocks = basis.T @ (torch.round(basis @ blocks @ basis.T / step) * step) @ basis
        return blocks.transpose(2, 3).reshape(plane.shape)[..., :height, :width]

    ycc = torch.einsum("ij,njhw->nihw", TO_YCC.to(device), pictures)
    luma = coded(ycc[:, :1] - 0.5, LUMA) + 0.5
    chroma = [F.interpolate(coded(F.avg_pool2d(ycc[:, c:c + 1], 2), CHROMA), size=(h, w), mode="bilinear", align_corners=False) for c in (1, 2)]
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(TO_YCC).to(device), torch.cat([luma] + chroma, 1)).clamp(0, 1)


def apply(clean, noise, strength=None, generator=None):
    """(noisy, sigma told) [n,3T,H,W] of clean pictures; `strength` [n,T] multiplies the level by frame (a frame weaker than 1 is neither clipped nor rounded:
    it stands for a state on the way of a sampler)."""
    n, c, h, w = clean.shape
    at = lambda v: v[:, None, None, None]
    factor = clean.new_ones(clean.shape[:2]) if strength is None else strength.repeat_interleave(3, 1)
    factor = factor[:, :, None, None]
    noisy = clean + field(clean.shape, noise, generator).mul_(factor * sigma_of(clean, noise))
    whole = factor >= 1
    noisy = torch.where((at(noise.clip) > 0) & whole, noisy.clamp(0, 1), noisy)
    noisy = torch.where((at(noise.round) > 0) & whole, noisy.mul(255).round_().div_(255), noisy)
    coded = noise.quality > 0
    if bool(coded.any()):
        part = noisy[coded].reshape(-1, 3, h, w)
        part = jpeg(part, noise.quality[coded].repeat_interleave(c // 3)).reshape(-1, c, h, w)
        noisy[coded] = torch.where(whole.expand_as(clean)[coded], part, noisy[coded])
    curved = noise.curve[:, 0] > 0
    seen = noisy
    if bool(curved.any()):
        r = LEVEL_BOX // 2
        part = F.pad(noisy[curved], (r, r, r, r), mode="reflect")
        for size in ((1, LEVEL_BOX), (LEVEL_BOX, 1)):
            part = F.avg_pool2d(part, size, 1)
        seen = noisy.clone()
        seen[curved] = part
    return noisy, factor * at(noise.told) * sigma_of(seen, noise)
