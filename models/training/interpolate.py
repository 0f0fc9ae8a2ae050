"""From a pair of frames and their motion to the frame at t: inputs of the two networks, the base between them, the samplers after them.

Shapes as in motion.py: frames [N,3,H,W] RGB code values 0..1, V [N,2,H,W] px, inconsistencies [N,1,H,W] in 0..1, t [N,1,1,1].
"""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from motion import box, inside, warp
from nets import FLOW_UNIT, LOOKS

SCALE_RANGE = (2 / 255, 0.25)  # code values, of the residual's standard deviation at t = 1/2
SIGMA_RANGE = (0.05, 5.0)  # noise levels trained, log-uniformly: those that sampling visits
SIGMA_START = 1.0
DETAIL_BOX = 17  # px, side of the box in which detail is compared


@dataclass
class Base:
    """The deterministic part: base b and the residual's scale s (code values), the condition [N,16,H,W], s_hat and mask as the network gave them, the corrected
    motion [N,4,H,W] px (F_t0' then F_t1')."""

    b: torch.Tensor
    s: torch.Tensor
    cond: torch.Tensor
    scale: torch.Tensor
    mask: torch.Tensor
    flow: torch.Tensor


def synthesis_input(frame0, frame1, v, inc0, inc1, t, origin=(0, 0), apart=()):
    """The synthesis network's x [N,16,h,w] for the window of v, inc0, inc1 that begins at `origin` (x, y) of the frames. `apart`: other motions over the interval, less V [N,2,h,w] each:
    the look-ups are the means of what all fetch (the tool has both directions' own, below 1080 lines). Where motion is sure they agree; elsewhere their mean is nearer to the truth."""
    to0, to1 = -t * v, (1 - t) * v
    size = frame0.shape[-2:]
    mean_of = lambda frame, factor: sum(warp(frame, factor * (v + a), "bicubic", origin) for a in (0, *apart)) / (1 + len(apart))
    w0, w1 = mean_of(frame0, -t), mean_of(frame1, 1 - t)
    difference = (w0 - w1).abs().mean(1, keepdim=True)
    return torch.cat((w0, w1, to0 / FLOW_UNIT, to1 / FLOW_UNIT, inc0, inc1, inside(to0, origin, size), inside(to1, origin, size), t.expand_as(inc0), difference), 1)


def time_factor(t):
    """2 sqrt(t(1-t)): the residual's scale vanishes at the given frames and is full half way."""
    return 2 * torch.sqrt(t * (1 - t))


def base(synthesis, x, frame0=None, frame1=None, origin=(0, 0), detach=True):
    """Runs the synthesis network on its input x and blends the look-ups in it; where the network corrects the motion (nets.Synthesis), new ones from the frames. With `detach` no gradient of s and cond reaches it."""
    *delta, mask, scale = (out.float() for out in synthesis(x[:, :LOOKS], x[:, LOOKS:]))
    t, w0, w1, to0, to1 = x[:, 14:15], x[:, 0:3], x[:, 3:6], x[:, 6:8] * FLOW_UNIT, x[:, 8:10] * FLOW_UNIT
    if delta:
        to0, to1 = to0 + delta[0][:, :2], to1 + delta[0][:, 2:]
        w0, w1 = warp(frame0, to0, "bicubic", origin), warp(frame1, to1, "bicubic", origin)
    b = mask * w0 + (1 - mask) * w1
    s = (math.sqrt(2) * scale).clamp(*SCALE_RANGE) * time_factor(t)
    length = lambda flow: flow.norm(dim=1, keepdim=True) / FLOW_UNIT
    given = (b, w0, w1, mask, to0, to1, s)
    cb, c0, c1, cm, f0, f1, cs = [g.detach() for g in given] if detach else given
    cond = torch.cat((cb, c0, c1, cm, length(f0), length(f1), x[:, 10:12], torch.log(cs), t), 1)
    return Base(b, cs, cond, scale, mask, torch.cat((to0, to1), 1))


def clean(residual, state, cond, theta, mean):
    """D [N,3,H,W] of the state y (nets.Residual); theta and mean [N,1,1,1]."""
    difference = (cond[:, 3:6] - cond[:, 6:9]).abs().mean(1, keepdim=True)
    cos, flat = torch.cos(theta), torch.cat((torch.cos(theta), torch.cos(2 * theta), torch.cos(4 * theta), mean), 1)
    maps = torch.cat((cond[:, 9:], difference, flat.expand(-1, -1, *cond.shape[2:])), 1)
    return cos * state + torch.sin(theta) * residual(torch.cat((state, cond[:, :9]), 1), maps)


def denoise(residual, z, sigma, cond):
    """D(z; sigma) [N,3,H,W]: E[u | z = u + sigma n, cond]."""
    n = cond.shape[0]
    theta = torch.full((n, 1, 1, 1), math.atan(sigma), device=cond.device)
    return clean(residual, z * math.cos(math.atan(sigma)), cond, theta, torch.zeros_like(theta)).float()


def mean(residual, cond):
    """E[u | cond] [N,3,H,W] by the mean head."""
    n, _, h, w = cond.shape
    one = torch.ones(n, 1, 1, 1, device=cond.device)
    return clean(residual, torch.zeros(n, 3, h, w, device=cond.device), cond, one * (math.pi / 2), one).float()


def sigmas(steps, start=SIGMA_START):
    """`steps` noise levels from start, even in theta = atan(sigma), then 0. Of a unit Gaussian, `sample` then keeps .73 of the variance in 2 steps, .90 in 3, .97 in 4."""
    return [math.tan(math.atan(start) * (1 - k / steps)) for k in range(steps)] + [0.0]


def sample(residual, cond, mean_u, noise, steps):
    """A draw of u [N,3,H,W]: z = mean + sqrt(1 + sigma1^2) n, then DPM-Solver++ 2M (Lu 2022) in h = ln(sigma/sigma+); the last step is plain D."""
    levels = sigmas(steps)
    z = mean_u + math.sqrt(1 + levels[0] ** 2) * noise
    before, h_before = None, None
    for sigma, after in zip(levels, levels[1:]):
        d = denoise(residual, z, sigma, cond)
        if after == 0:
            return d
        h = math.log(sigma / after)
        guess = d if before is None else d + (d - before) * (h / (2 * h_before))
        z = (after / sigma) * z + (1 - after / sigma) * guess
        before, h_before = d, h


def detail_energy(pictures):
    """Energy of what H = 1 - [1 2 1]'[1 2 1]/16 leaves of pictures [N,C,H,W], mean over the channels and a box: [N,1,H,W]."""
    n, c, h, w = pictures.shape
    tap = torch.tensor((0.25, 0.5, 0.25)).to(pictures)
    low = F.conv2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate").reshape(n * c, 1, h + 2, w + 2), (tap[:, None] * tap).view(1, 1, 3, 3)).view(n, c, h, w)
    return box((pictures - low).square().mean(1, keepdim=True), DETAIL_BOX)


def limit(found, mean_u, drawn, detail=1.0):
    """u [N,3,H,W] with sampled detail only as far as the source has it: mean + k (drawn - mean), k = detail or less, such that the energy of H that it adds fills at most the room between
    the picture's own and that of the two look-ups (their mean). Where the residual is large and unsure, a draw of it is noise."""
    change = drawn - mean_u
    room = (detail_energy(found.cond[:, 3:6]) + detail_energy(found.cond[:, 6:9])) / 2 - detail_energy(found.b + found.s * mean_u)
    k = (room.clamp(min=0) / (detail_energy(found.s * change) + 1e-9)).sqrt().clamp(max=detail)
    return mean_u + k * change
