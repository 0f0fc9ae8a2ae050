"""Motion between two frames: dense inverse search once a pair, then one linear motion field at any time t.

The C# pipeline computes the same; testdata/golden/motion holds what both must give.
Conventions: frames [N,3,H,W] RGB code values 0..1; flows [N,2,H,W] in pixels, x then y, F01(p): I0(p) ~ I1(p + F01(p)); t [N,1,1,1] in (0,1).
Look-ups are in pixel units at pixel centres, borders replicated.
"""
import cv2
import numpy as np
import torch
import torch.nn.functional as F

FIXED_POINT_ITERATIONS = 4
COST_BOX = 7  # px, side of the box filter that smooths a candidate's cost
MEAN_BOX = 13  # px, side of the box in which the choices are averaged
CHOICE_TEMPERATURE = 1.5 / 255  # code values: a candidate's weight falls by e for this much more cost
CONFIDENCE_TEMPERATURE = 6 / 255  # code values: and a choice's weight among its neighbours
LEAST_CONFIDENCE = 1e-6
OUTSIDE_PENALTY = 10 / 255  # code values, added to the cost where a look-up leaves the picture
INCONSISTENCY_LIMIT = 8.0  # px, where the forward-backward inconsistency saturates


def dense_inverse_search(frame0, frame1, both=True, stride=3):
    """F01 and F10 (None without `both`) [H,W,2] float32 by OpenCV's DIS (Kroeger 2016), preset MEDIUM, of two uint8 RGB frames [H,W,3]. `stride` of patches, px."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setPatchStride(stride)
    gray0, gray1 = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (frame0, frame1))
    return search.calc(gray0, gray1, None), search.calc(gray1, gray0, None) if both else None


def pixel_grid(like, origin=(0, 0)):
    """x [1,1,1,W] and y [1,1,H,1] of the pixel centres of a tensor [N,C,H,W] whose first pixel stands at `origin` (x, y)."""
    height, width = like.shape[-2:]
    x = torch.arange(width, dtype=torch.float32, device=like.device).view(1, 1, 1, width) + origin[0]
    y = torch.arange(height, dtype=torch.float32, device=like.device).view(1, 1, height, 1) + origin[1]
    return x, y


def warp(image, flow, mode="bilinear", origin=(0, 0)):
    """image [N,C,H,W] looked up at p + flow(p) for the pixels p of a window [N,2,h,w] at `origin`. `bicubic` is Keys' with a = -0.75, not clipped."""
    height, width = image.shape[-2:]
    x, y = pixel_grid(flow, origin)
    u = (x + flow[:, 0:1]) * (2 / (width - 1)) - 1
    v = (y + flow[:, 1:2]) * (2 / (height - 1)) - 1
    grid = torch.stack((u[:, 0], v[:, 0]), dim=-1)
    return F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=True)


def inside(flow, origin=(0, 0), size=None):
    """1 where p + flow(p) lies in [0, W-1] x [0, H-1], else 0: [N,1,h,w]. `size` (H, W) of the picture, where the flow is a window of it."""
    height, width = size or flow.shape[-2:]
    x, y = pixel_grid(flow, origin)
    u, v = x + flow[:, 0:1], y + flow[:, 1:2]
    return ((u >= 0) & (u <= width - 1) & (v >= 0) & (v <= height - 1)).to(flow.dtype)


def box(planes, side):
    """Separable box filter of `side` px, border replicated."""
    r = side // 2
    planes = F.avg_pool2d(F.pad(planes, (r, r, 0, 0), mode="replicate"), (1, side), 1)
    return F.avg_pool2d(F.pad(planes, (0, 0, r, r), mode="replicate"), (side, 1), 1)


def carried(f01, f10, t):
    """Both flows carried to t by fixed point, as motion over the interval: two of [N,2,H,W]."""
    forward, backward = f01, -f10
    for _ in range(FIXED_POINT_ITERATIONS):
        forward = warp(f01, -t * forward)
        backward = -warp(f10, (1 - t) * backward)
    return forward, backward


def motion_at(frame0, frame1, f01, f10, t):
    """The linear motion V(p) [N,2,H,W] (px over the interval 0->1) at the pixels of the frame at t; F_t0 = -t V, F_t1 = (1-t) V.

    Five candidates (both flows carried to t by fixed point, their mean, both flows unmoved), each charged with the smoothed difference of
    what it fetches from the two frames, then averaged with weights exp(-(cost - least cost) / CHOICE_TEMPERATURE). V is the mean of these
    choices in a box, each weighing exp(-least cost / CONFIDENCE_TEMPERATURE): motion that fits is carried into places where none does.
    """
    forward, backward = carried(f01, f10, t)
    candidates = [forward, backward, (forward + backward) / 2, f01, -f10]
    costs = []
    for v in candidates:
        to0, to1 = -t * v, (1 - t) * v
        difference = (warp(frame0, to0) - warp(frame1, to1)).abs().mean(1, keepdim=True)
        costs.append(box(difference + OUTSIDE_PENALTY * (1 - torch.minimum(inside(to0), inside(to1))), COST_BOX))
    costs = torch.cat(costs, 1)
    weights = torch.softmax(-costs / CHOICE_TEMPERATURE, 1)  # subtracts the least cost itself
    choice = sum(weights[:, k:k + 1] * v for k, v in enumerate(candidates))
    confidence = torch.exp(-costs.amin(1, keepdim=True) / CONFIDENCE_TEMPERATURE) + LEAST_CONFIDENCE
    return box(confidence * choice, MEAN_BOX) / box(confidence, MEAN_BOX)


def inconsistency(f01, f10):
    """|F01(q) + F10(q + F01(q))| in px on frame 0's grid [N,1,H,W]; swap the arguments for frame 1's."""
    return (f01 + warp(f10, f01)).norm(dim=1, keepdim=True)


def inconsistency_at(f01, f10, v, t):
    """Both inconsistencies looked up from the frame at t, saturated and scaled to 0..1: two of [N,1,H,W]."""
    look_up = lambda inc, flow: warp(inc, flow).clamp(max=INCONSISTENCY_LIMIT) / INCONSISTENCY_LIMIT
    return look_up(inconsistency(f01, f10), -t * v), look_up(inconsistency(f10, f01), (1 - t) * v)


def to_tensor(picture):
    """[H,W,C] array (uint8 becomes 0..1) -> float32 [1,C,H,W]."""
    tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    return tensor.float() / 255 if picture.dtype == np.uint8 else tensor.float()
