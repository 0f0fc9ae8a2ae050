"""The learned optical flow of `full`: one recurrent estimator, its weights shared by all levels of an image pyramid and by both directions.

Coarse to fine over features at strides 32, 16, 8, 4 (the same encoder on the picture at 1/8, 1/4, 1/2, 1, as UPR-Net, Jin 2023), at each level: warp, local correlation of +-4
cells, a residual update with a hidden state (RAFT's idea, Teed 2020), then convex upsampling to full size (RAFT). Two steps of +-4 cells at stride 32 reach 256 px.
Pure convolutions, slices and, in the exported graph, row gathers: no GridSample. H and W multiples of FLOW_ALIGNMENT. README.md holds the contract of flow.onnx.
"""
import torch
import torch.nn.functional as F
from torch import nn

from nets import extend

FLOW_ALIGNMENT = 32
FINEST = 4  # px, stride of the finest features
LEVELS = 4
FLOW_INPUT_UNIT = 8.0  # cells: flows enter the update divided by this


def positions(like):
    """x [1,1,1,w], y [1,1,h,1] and item index [N,1,1,1] of a tensor [N,C,h,w], float32."""
    n, _, height, width = like.shape
    index = lambda k: torch.arange(k, dtype=torch.float32, device=like.device)
    return index(width).view(1, 1, 1, -1), index(height).view(1, 1, -1, 1), index(n).view(-1, 1, 1, 1)


def warp_by_gathers(image, flow):
    """image [N,C,h,w] looked up bilinearly at p + flow(p), border replicated: four gathers of rows of C values, indices exact in float32 below 2^24 cells."""
    n, channels, height, width = image.shape
    x, y, item = positions(flow)
    u = (x + flow[:, 0:1]).clamp(min=0).minimum(x[..., -1:])
    v = (y + flow[:, 1:2]).clamp(min=0).minimum(y[:, :, -1:])
    left, top = u.floor(), v.floor()
    right, bottom = (left + 1).minimum(x[..., -1:]), (top + 1).minimum(y[:, :, -1:])
    a, b = u - left, v - top
    rows = image.permute(0, 2, 3, 1).reshape(-1, channels)

    def tap(column, row, weight):
        index = ((item * height + row) * width + column).to(torch.int32).reshape(-1)
        return rows.index_select(0, index) * weight.reshape(-1, 1).to(rows.dtype)

    total = tap(left, top, (1 - a) * (1 - b)) + tap(right, top, a * (1 - b)) + tap(left, bottom, (1 - a) * b) + tap(right, bottom, a * b)
    return total.reshape(n, height, width, channels).permute(0, 3, 1, 2)


def warp_by_grid(image, flow):
    """The same by grid_sample, for training: coordinates in float32 whatever the autocast."""
    _, _, height, width = image.shape
    x, y, _ = positions(flow)
    with torch.autocast(image.device.type, enabled=False):
        grid = torch.stack(((x + flow[:, 0:1].float())[:, 0] * (2 / max(width - 1, 1)) - 1, (y + flow[:, 1:2].float())[:, 0] * (2 / max(height - 1, 1)) - 1), -1)
        return F.grid_sample(image.float(), grid, mode="bilinear", padding_mode="border", align_corners=True).to(image.dtype)


def correlation(a, b, radius):
    """<a(p), b(p + d)> / sqrt(C) for every d of up to `radius` cells, rows of d first, zeros outside: [N, (2 radius + 1)^2, h, w]."""
    side, height, width = 2 * radius + 1, a.shape[2], a.shape[3]
    b = F.pad(b, (radius,) * 4)
    columns = torch.stack([b[..., x:x + width] for x in range(side)], 2)  # [N,C,side,h+2r,w]
    a = (a * a.shape[1] ** -0.5).unsqueeze(2)
    return torch.cat([(a * columns[:, :, :, y:y + height]).sum(1) for y in range(side)], 1)


def correlation_by_products(a, b, radius):
    """The same for training: each row's features times the 2 radius + 1 rows around it as one matrix product, of which the diagonal band is kept. Wasteful in arithmetic, which
    a GPU has, sparing in memory traffic, backward above all: a third of a step's by count with `correlation`. For pictures up to a few hundred px wide."""
    n, channels, height, width = a.shape
    side, wide = 2 * radius + 1, width + 2 * radius
    rows = F.pad(b, (radius,) * 4).permute(0, 2, 1, 3).unfold(1, side, 1)  # [N,h,C,w+2r,side]
    rows = rows.permute(0, 1, 2, 4, 3).reshape(n, height, channels, side * wide)
    products = ((a * channels ** -0.5).permute(0, 2, 3, 1) @ rows).contiguous()  # [N,h,w,side (w+2r)]
    item, row, column = products.stride()[:3]
    band = products.as_strided((n, height, width, side, side), (item, row, column + 1, wide, 1), products.storage_offset())
    return band.permute(0, 3, 4, 1, 2).reshape(n, side * side, height, width)


def convex_upsample(flow, logits):
    """flow [N,2,h,w] in cells of FINEST px to [N,2,FINEST h,FINEST w] px: each px a convex combination of its cell's 3x3 neighbourhood; logits [N,9 FINEST^2,h,w]."""
    n, _, height, width = flow.shape
    weights = torch.softmax(logits.reshape(n, 9, FINEST * FINEST, height, width), 1)
    around = extend(FINEST * flow, 1)
    parts = []
    for axis in range(2):
        parts.append(sum(weights[:, 3 * y + x] * around[:, axis:axis + 1, y:y + height, x:x + width] for y in range(3) for x in range(3)))
    return F.pixel_shuffle(torch.cat(parts, 1), FINEST)


class Act(nn.Sequential):
    """3x3 convolution, then PReLU."""

    def __init__(self, inputs, outputs, stride=1, dilation=1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation), nn.PReLU(outputs, 0.1))


class Flow(nn.Module):
    """image0, image1 [N,3,H,W] RGB 0..1 -> flow01, flow10 [N,2,H,W] px, x then y: I0(p) ~ I1(p + flow01(p)) and the reverse.

    `width` of the update's trunk, `iterations` of the update per level, coarse first (more can be asked of trained weights).
    """

    FEATURES, MATCHING, HIDDEN, RADIUS = 64, 32, 64, 4

    def __init__(self, width=128, iterations=(2, 2, 2, 1)):
        super().__init__()
        f = self.FEATURES
        self.iterations, self.gathers = tuple(iterations), False
        self.encoder = nn.Sequential(Act(3, 32, 2), Act(32, 32), Act(32, f, 2), Act(f, f))
        self.features = nn.Conv2d(f, f, 3, 1, 1)
        self.matching = nn.Conv2d(f, self.MATCHING, 1)
        self.costs = nn.Sequential(nn.Conv2d((2 * self.RADIUS + 1) ** 2, f, 1), nn.PReLU(f, 0.1))
        self.entry = Act(f + f + self.HIDDEN + 4, width)
        self.trunk = nn.ModuleList(Act(width, width, dilation=d) for d in (1, 2, 1))
        self.hidden = nn.Conv2d(width, self.HIDDEN, 3, 1, 1)
        self.delta = nn.Conv2d(width, 2, 3, 1, 1)
        self.upsample = nn.Sequential(Act(width, 64), nn.Conv2d(64, 9 * FINEST * FINEST, 1))
        nn.init.normal_(self.delta.weight, 0, 1e-3)
        nn.init.zeros_(self.delta.bias)

    def estimates(self, image0, image1):
        """Every estimate of both directions, coarse first: a list of ([2N,2,h,w] in cells, stride in px) with flow01's items first, and last ([2N,2,H,W] px, 1)."""
        warp, correlate = (warp_by_gathers, correlation) if self.gathers else (warp_by_grid, correlation_by_products)
        pyramid = [torch.cat((image0, image1)) - 0.5]
        for _ in range(LEVELS - 1):
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        n = image0.shape[0]
        swap = lambda h: torch.cat((h[n:], h[:n]))
        found, flow, hidden = [], None, None
        for level in reversed(range(LEVELS)):
            context = self.features(self.encoder(pyramid[level]))
            here = self.matching(context)
            there = swap(here)
            if flow is None:
                flow, hidden = 0 * here[:, :2].float(), 0 * here[:, :1].expand(-1, self.HIDDEN, -1, -1)
            else:
                flow = 2 * F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
                hidden = F.interpolate(hidden, scale_factor=2.0, mode="bilinear", align_corners=False)
            for _ in range(self.iterations[LEVELS - 1 - level]):
                flow = flow.detach()  # each estimate answers for its own step (RAFT)
                looked_up = warp(torch.cat((there.float(), swap(flow)), 1), flow)
                costs = self.costs(correlate(here, looked_up[:, :-2].to(here.dtype), self.RADIUS))
                inconsistency = flow + looked_up[:, -2:]
                h = self.entry(torch.cat((costs, context, hidden, (flow / FLOW_INPUT_UNIT).to(context.dtype), (inconsistency / FLOW_INPUT_UNIT).to(context.dtype)), 1))
                for layer in self.trunk:
                    h = h + layer(h)
                hidden = torch.tanh(self.hidden(h))
                with torch.autocast(h.device.type, enabled=False):
                    flow = flow + self.delta(h.float())  # in bf16 a step of a cell would be rounded to .004
                found.append((flow, FINEST << level))
        found.append((convex_upsample(flow, self.upsample(h).float()), 1))
        return found

    def forward(self, image0, image1):
        both = self.estimates(image0, image1)[-1][0]
        return both[:image0.shape[0]], both[image0.shape[0]:]
