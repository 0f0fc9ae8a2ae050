"""The two networks of residual video-diffusion interpolation, in two sizes: Light... and those of `full`. Pure convolutions: no normalisation, no GridSample, finite receptive fields.

Channels multiples of 16, H and W multiples of ALIGNMENT. README.md says what happens between the two.
"""
import torch
import torch.nn.functional as F
from torch import nn

ALIGNMENT = 8
LOOKS, MOTION = 6, 10  # channels of the synthesis network's two inputs
PICTURES, MAPS = 12, 12  # and of the residual network's
FLOW_UNIT = 32.0  # px: flows enter the networks divided by this
VALID_LOGIT = 7.0  # mask logit for the frame whose look-up stays inside when the other's does not
FULL = (48, 96, 160)  # channels at 1/2, 1/4, 1/8 of `full`
SCALE_PRIOR = -4.0  # ln of the Laplace scale at zero-initialised heads: 4.7/255


def conv(inputs, outputs, dilation=1, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation)


class Entry(nn.Conv2d):
    """A convolution of several tensors, `parts` channels each, as of one that holds all their channels, as a sum of one of each: ONNX Runtime reads up to 15 planes as they lie, and lays out anew
    what has more (a quarter of the light residual network's time)."""

    def __init__(self, parts, outputs, size, padding):
        super().__init__(sum(parts), outputs, size, 2, padding)
        self.parts = parts

    def forward(self, inputs):
        weights = [self.weight[:, sum(self.parts[:k]):sum(self.parts[:k + 1])] for k in range(len(self.parts))]
        biases = [self.bias] + [None] * (len(self.parts) - 1)
        sums = [F.conv2d(x, w, b, self.stride, self.padding) for x, w, b in zip(inputs, weights, biases)]
        return sum(sums[1:], sums[0])


class Body(nn.Module):
    """U-Net on the half-size grid: `widths` channels at 1/2, 1/4, 1/8. `film` modulates each convolution when given."""

    def __init__(self, inputs, outputs, at2, at4, dilations, films=False, widths=FULL):
        super().__init__()
        w2, w4, w8 = widths
        self.shuffle = nn.PixelShuffle(2)
        self.entry = Entry(inputs, w2, 6, 2)  # = pixel unshuffle by 2, then 3x3, as one operator that every runtime has
        self.fine_in = nn.ModuleList(conv(w2, w2) for _ in range(at2))
        self.down4 = conv(w2, w4, stride=2)
        self.middle_in = nn.ModuleList(conv(w4, w4) for _ in range(at4))
        self.down8 = conv(w4, w8, stride=2)
        self.coarse = nn.ModuleList(conv(w8, w8, d) for d in dilations)
        self.up4 = nn.Conv2d(w8, 4 * w4, 1)
        self.middle_out = nn.ModuleList(conv(w4, w4) for _ in range(at4))
        self.up2 = nn.Conv2d(w4, 4 * w2, 1)
        self.fine_out = nn.ModuleList(conv(w2, w2) for _ in range(at2 or 1))
        self.exit = conv(w2, 4 * outputs)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)
        self.widths = [w2] + [w2] * at2 + [w4] + [w4] * at4 + [w8] + [w8] * len(dilations) + [w4] * at4 + [w2] * (at2 or 1)
        self.activations = nn.ModuleList(nn.PReLU(c, 0.1) for c in self.widths)
        self.film_channels = sum(self.widths) if films else 0

    def forward(self, parts, film=None, extras=(0, 0, 0)):
        """Parts [N,C,H,W] of the input -> [N,outputs,H,W]; film [N, 2 film_channels, 1, 1] or None; extras are added where the 1/2, 1/4 and 1/8 grids are entered."""
        activations = iter(self.activations)
        films = None if film is None else iter(torch.split(film, [c for c in self.widths for _ in range(2)], 1))

        def apply(layer, h, skip=None, extra=0):
            h = layer(h)
            if torch.is_tensor(extra):
                h = h + extra
            if films is not None:
                h = h * (1 + next(films)) + next(films)
            h = next(activations)(h)
            return h if skip is None else h + skip

        h = apply(self.entry, parts, extra=extras[0])
        for layer in self.fine_in:
            h = apply(layer, h, h)
        fine, h = h, apply(self.down4, h, extra=extras[1])
        for layer in self.middle_in:
            h = apply(layer, h, h)
        middle, h = h, apply(self.down8, h, extra=extras[2])
        for layer in self.coarse:
            h = apply(layer, h, h)
        h = middle + self.shuffle(self.up4(h))
        for layer in self.middle_out:
            h = apply(layer, h, h)
        h = fine + self.shuffle(self.up2(h))
        for layer in self.fine_out:
            h = apply(layer, h, h)
        return self.shuffle(self.exit(h))

    def reach(self, to_coarse=0):
        """Receptive field's radius in px of the full picture: no input further away than this changes an output. `to_coarse`: of another way to the 1/8 grid."""
        radius = 3  # the entry, 6x6 of stride 2
        radius += 2 * len(self.fine_in) + 2  # ..., and down4
        radius += 4 * len(self.middle_in) + 4
        radius = max(radius, to_coarse)
        radius += 8 * sum(layer.dilation[0] for layer in self.coarse) + 8  # the last term: position inside a 1/8 cell
        return radius + 4 * len(self.middle_out) + 2 * len(self.fine_out) + 2


class LightBody(nn.Module):
    """A U-Net for processors: plain convolutions, ReLU after the addition, nearest enlargement. ONNX Runtime keeps all between the entry and the exit in its blocked
    layout and fuses additions and activations into the convolutions; PReLU, pixel shuffles and modulation cost it a third of the time in copies."""

    def __init__(self, inputs, outputs, widths, at2, at4, dilations):
        super().__init__()
        w2, w4, w8 = widths
        self.entry = Entry(inputs, w2, 3, 1)
        self.fine_in = nn.ModuleList(conv(w2, w2) for _ in range(at2))
        self.down4 = conv(w2, w4, stride=2)
        self.middle_in = nn.ModuleList(conv(w4, w4) for _ in range(at4))
        self.down8 = conv(w4, w8, stride=2)
        self.coarse = nn.ModuleList(conv(w8, w8, d) for d in dilations)
        self.up4 = nn.Conv2d(w8, w4, 1)
        self.middle_out = nn.ModuleList(conv(w4, w4) for _ in range(at4))
        self.up2 = nn.Conv2d(w4, w2, 1)
        self.fine_out = nn.ModuleList(conv(w2, w2) for _ in range(at2 or 1))
        self.exit = conv(w2, 4 * outputs)
        self.shuffle = nn.PixelShuffle(2)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)

    def forward(self, parts):
        """Parts [N,C,H,W] of the input -> [N,outputs,H,W]."""
        def run(layers, h):
            for layer in layers:
                h = F.relu(layer(h) + h)
            return h

        fine = run(self.fine_in, F.relu(self.entry(parts)))
        middle = run(self.middle_in, F.relu(self.down4(fine)))
        h = run(self.coarse, F.relu(self.down8(middle)))
        h = run(self.middle_out, middle + F.interpolate(self.up4(h), scale_factor=2.0, mode="nearest"))
        h = run(self.fine_out, fine + F.interpolate(self.up2(h), scale_factor=2.0, mode="nearest"))
        return self.shuffle(self.exit(h))

    def reach(self):
        """Receptive field's radius in px."""
        radius = 2 + 2 * len(self.fine_in) + 2 + 4 * len(self.middle_in) + 4
        radius += 8 * sum(layer.dilation[0] for layer in self.coarse) + 8
        return radius + 4 * len(self.middle_out) + 2 * len(self.fine_out) + 2


def extend(f, radius):
    """f with its edges repeated `radius` px outward: F.pad's replicate in slices and concatenations, which export to plain operators."""
    f = torch.cat([f[:, :, :1]] * radius + [f] + [f[:, :, -1:]] * radius, 2)
    return torch.cat([f[..., :1]] * radius + [f] + [f[..., -1:]] * radius, 3)


def matching_costs(w0, w1, radius):
    """How much better or worse two aligned pictures [N,3,h,w] agree when moved against each other: for every shift d != 0 of up to `radius` px,
    box3(mean_RGB |w0(p + d) - w1(p - d)|) minus that of d = 0: [N, (2 radius + 1)^2 - 1, h, w], rows of d first."""
    side = 2 * radius + 1
    a, b = extend(w0, radius), extend(w1, radius)
    shift = lambda f, y, x: f[:, :, y:(y - 2 * radius) or None, x:(x - 2 * radius) or None]  # ends counted from the end: any size in ONNX
    costs = [(shift(a, y, x) - shift(b, side - 1 - y, side - 1 - x)).abs().mean(1, keepdim=True) for y in range(side) for x in range(side)]
    still = costs.pop(len(costs) // 2)
    return F.avg_pool2d(extend(torch.cat(costs, 1) - still, 1), 3, 1, count_include_pad=False)


def prior_logit(motion):
    """Logit [N,1,H,W] of the first look-up's weight before anything is learned: 1 - t, or all to the one that lies inside."""
    t = motion[:, 8:9, :1, :1].clamp(1e-3, 1 - 1e-3)
    return torch.log((1 - t) / t) + VALID_LOGIT * (motion[:, 6:7] - motion[:, 7:8])


class Synthesis(nn.Module):
    """What to correct in the motion, how to blend, how wrong the blend will be.

    looks [N,6,H,W]: w0 RGB, w1 RGB. motion [N,10,H,W]: F_t0 x,y /32, F_t1 x,y /32, inc_t0, inc_t1, valid0, valid1, t, mean_RGB|w0-w1|.
    Gives flow_delta [N,4,H,W] px (F_t0 x,y then F_t1 x,y, to add), mask [N,1,H,W] in (0,1) = weight of w0', scale [N,1,H,W] > 0, the Laplace
    scale of the residual in code values at t = 1/2 (times 2 sqrt(t(1-t)) elsewhere). Heads start at zero: no correction, plain average.
    Costs of moving w0 and w1 against each other (a bilateral cost volume, as in BMBC, Park 2020) enter at 1/2, 1/4 and 1/8: plain convolutions are slow to learn matching.
    """

    RADII = (1, 2, 2)  # of the shifts at 1/2, 1/4, 1/8: up to 2, 8, 16 px of the picture for each frame
    COST_UNIT = 0.1  # code values

    def __init__(self):
        super().__init__()
        self.body = Body((LOOKS, MOTION), 6, at2=1, at4=2, dilations=(1, 2, 3, 1))
        self.costs = nn.ModuleList(nn.Conv2d((2 * r + 1) ** 2 - 1, c, 1, bias=False) for r, c in zip(self.RADII, FULL))
        for layer in self.costs:
            nn.init.zeros_(layer.weight)

    def forward(self, looks, motion):
        pair, extras = (looks[:, 0:3], looks[:, 3:6]), []
        for radius, layer in zip(self.RADII, self.costs):
            pair = [F.avg_pool2d(w, 2, count_include_pad=False) for w in pair]
            extras.append(layer(matching_costs(*pair, radius) / self.COST_UNIT))
        out = self.body((looks, motion), extras=extras)
        return 4 * out[:, 0:4], torch.sigmoid(out[:, 4:5] + prior_logit(motion)), torch.exp(SCALE_PRIOR + out[:, 5:6].clamp(-4, 4))

    def reach(self):
        """Receptive field's radius in px: through the costs at 1/8, a shift, the 3x3 box and the cell itself."""
        return self.body.reach(to_coarse=8 * (self.RADII[2] + 1) + 8)


class Residual(nn.Module):
    """N of the denoiser D = cos(theta) y + sin(theta) N of the normalised residual u = (x - b)/s, y = cos(theta) u + sin(theta) n, theta = atan(sigma). The mean head: y = 0, theta = pi/2, D = N = E[u | cond].

    pictures [N,12,H,W]: y, b, w0', w1', each RGB. maps [N,12,H,W]: m, |F_t0'|/32, |F_t1'|/32, inc_t0, inc_t1, ln s, t, mean_RGB|w0'-w1'|, and without a place cos(theta), cos(2 theta), cos(4 theta), 1 for
    the mean head. Gives n [N,3,H,W]. With sigma_data = 1 this is EDM's preconditioning (Karras 2022) written in angles. FiLM depends on theta, t, mean alone, so tiles agree.
    """

    def __init__(self):
        super().__init__()
        self.body = Body((PICTURES, MAPS - 4), 3, at2=2, at4=3, dilations=(1, 2, 2, 1), films=True)
        self.embed = nn.Sequential(nn.Conv2d(8, 32, 1), nn.PReLU(32, 0.1), nn.Conv2d(32, 2 * self.body.film_channels, 1))
        nn.init.zeros_(self.embed[2].weight)
        nn.init.zeros_(self.embed[2].bias)

    def forward(self, pictures, maps):
        flat = maps[:, :, :1, :1]
        t, cos, cos2, cos4, mean = flat[:, 6:7], flat[:, 8:9], flat[:, 9:10], flat[:, 10:11], flat[:, 11:12]
        sin = torch.sqrt((1 - cos2).clamp(min=0) / 2)
        film = self.embed(torch.cat((cos, sin, cos2, 2 * sin * cos, cos4, t, 4 * t * (1 - t), mean), 1))
        return self.body((pictures, maps[:, :8]), film)

    def reach(self):
        """Receptive field's radius in px."""
        return self.body.reach()


class LightSynthesis(nn.Module):
    """Synthesis of `light`: sees what `Synthesis` sees, gives mask and scale alone. Corrections of the motion and matching costs were worth nothing on 48 triplets."""

    def __init__(self):
        super().__init__()
        self.body = LightBody((LOOKS, MOTION), 2, (16, 16, 32), at2=0, at4=1, dilations=(1,))

    def forward(self, looks, motion):
        out = self.body((looks, motion))
        return torch.sigmoid(out[:, 0:1] + prior_logit(motion)), torch.exp(SCALE_PRIOR + out[:, 1:2].clamp(-4, 4))

    def reach(self):
        """Receptive field's radius in px."""
        return self.body.reach()


class LightResidual(nn.Module):
    """Residual of `light`: same inputs and outputs; what has no place enters with the other planes."""

    def __init__(self):
        super().__init__()
        self.body = LightBody((PICTURES, MAPS), 3, (16, 32, 48), at2=0, at4=1, dilations=(1,))

    def forward(self, pictures, maps):
        return self.body((pictures, maps))

    def reach(self):
        """Receptive field's radius in px."""
        return self.body.reach()


def flops_per_pixel(model, *inputs):
    """Multiply-adds of the convolutions, times two, per pixel of the picture."""
    total = [0]
    hooks = [m.register_forward_hook(lambda m, _, out: total.__setitem__(0, total[0] + 2 * m.weight.numel() * out.shape[-1] * out.shape[-2]))
             for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model(*inputs)
    for hook in hooks:
        hook.remove()
    return total[0] / (inputs[0].shape[-1] * inputs[0].shape[-2])
