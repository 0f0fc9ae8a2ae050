"""The multi-frame denoising network (task `denoise`): the posterior mean of the centre frame given five noisy frames and their noise. Pure convolutions.

frames [N,15,H,W]: RGB of the frames -2, -1, 0, +1, +2 aligned to the centre, code values (0..1, may leave it); sigma [N,15,H,W] >= 0: the noise's standard
deviation per pixel and channel in the same units, a neighbour's unreliable alignment folded in, 100 = unknown; grain [N,4]: lag-1 autocorrelations of the noise
along x, y and the diagonal, correlation between channels. H, W multiples of ALIGNMENT. Gives clean [N,3,H,W].
"""
import torch
from torch import nn

from nets import ALIGNMENT, flops_per_pixel

FRAMES = 5
CENTRE = slice(6, 9)
SIGMA_DATA = 0.25  # of code values about 1/2 (EDM's sigma_data)
UNKNOWN = 100.0
LEVEL_FLOOR = 1e-7  # squared code values: levels below .08/255 look alike to the network (not to its preconditioning)
DIFFERENCE_FLOOR = 1e-6
DIFFERENCE_LIMIT = 6.0  # standard deviations, where normalised differences saturate
GROUPS = "fine_in", "middle_in", "coarse", "middle_out", "fine_out"
SIZES = {  # widths at 1/2, 1/4, 1/8; residual blocks on the way down (the last: at 1/8) and up; boxes between which detail is told, px
    "light": dict(widths=(48, 64, 96), down=(1, 2, 2), up=(1, 1), boxes=(5,)),
    "full": dict(widths=(48, 96, 160), down=(2, 4, 6), up=(4, 2), boxes=(5, 17)),
}


class Block(nn.Module):
    """x + conv(leaky(film(conv(x))))."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)
        self.activation = nn.LeakyReLU(0.1)
        self.width = width

    def forward(self, x, film):
        """film [N, 2 width, 1, 1]: scale - 1, then shift."""
        scale, shift = film[:, :self.width], film[:, self.width:]
        return x + self.second(self.activation(self.first(x) * (1 + scale) + shift))


def box_filter(planes, side):
    """Mean over `side` x `side` px around each pixel, less of them at the borders."""
    mean = nn.functional.avg_pool2d(planes, (1, side), 1, (0, side // 2), count_include_pad=False)
    return nn.functional.avg_pool2d(mean, (side, 1), 1, (side // 2, 0), count_include_pad=False)


class Denoiser(nn.Module):
    """D = 1/2 + c_skip (y - 1/2) + c_out N(...), with EDM's c_skip, c_out, c_in (Karras 2022) per pixel and channel of the centre: sigma 0 gives back the centre.

    N, a U-Net on the half-size grid, sees every frame scaled by c_in, its level (ln sigma), the precision-weighted mean of the five frames and its level, and the
    neighbours' differences to the centre in standard deviations: what is there to decide how far each neighbour may be used. The centre's and the mean's detail (what
    one box filter leaves of the next finer one) comes in standard deviations as well: there noise has one size at every level, as in what N is to give.
    """

    INPUTS = 4 * 3 * (FRAMES - 1)  # 15 frames, 15 levels, 3 + 3 of the mean, 12 differences; then 3 + 3 of detail for each box

    def __init__(self, widths, down, up, boxes):
        super().__init__()
        self.boxes = boxes
        fine, middle, coarse = widths
        blocks = lambda width, count: nn.ModuleList(Block(width) for _ in range(count))
        self.entry = nn.Conv2d(self.INPUTS + 6 * len(boxes), fine, 4, 2, 1)
        self.fine_in, self.down4 = blocks(fine, down[0]), nn.Conv2d(fine, middle, 2, 2)
        self.middle_in, self.down8 = blocks(middle, down[1]), nn.Conv2d(middle, coarse, 2, 2)
        self.coarse = blocks(coarse, down[2])
        self.up4, self.middle_out = nn.Conv2d(coarse, 4 * middle, 1), blocks(middle, up[1])
        self.up2, self.fine_out = nn.Conv2d(middle, 4 * fine, 1), blocks(fine, up[0])
        self.exit = nn.Conv2d(fine, 12, 3, 1, 1)
        self.shuffle = nn.PixelShuffle(2)
        self.film_widths = [2 * b.width for g in self.groups() for b in g]
        self.embed = nn.Sequential(nn.Conv2d(4, 32, 1), nn.LeakyReLU(0.1), nn.Conv2d(32, sum(self.film_widths), 1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # variance kept on every scale: PyTorch's own start leaves the coarse ones weak, and low-frequency noise with them
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            for group in self.groups():
                for block in group:
                    block.first.weight.mul_(2 ** 0.5)
                    block.second.weight.mul_(0.3)
            self.exit.weight.zero_()
            self.embed[2].weight.zero_()

    def groups(self):
        return [getattr(self, name) for name in GROUPS]

    def inputs(self, frames, sigma):
        """What N sees [N, INPUTS + 6 boxes, H, W]."""
        variance = sigma * sigma
        scaled = (frames - 0.5) * torch.rsqrt(variance + SIGMA_DATA ** 2)
        level = 0.125 * torch.log(variance + LEVEL_FLOOR) + 0.6
        precision = 1 / (variance + LEVEL_FLOOR)
        weighted = precision * frames
        each = [slice(3 * k, 3 * k + 3) for k in range(FRAMES)]
        over_frames = lambda a: a[:, each[0]] + a[:, each[1]] + a[:, each[2]] + a[:, each[3]] + a[:, each[4]]
        total = over_frames(precision)
        mean = over_frames(weighted) / total
        mean_variance = 1 / total
        y, v = frames[:, CENTRE], variance[:, CENTRE]
        detail = []
        finer = torch.cat((y, mean), 1)
        inverse = torch.rsqrt(torch.cat((v, mean_variance), 1) + DIFFERENCE_FLOOR)
        side = 1
        for box in self.boxes:  # white noise of deviation 1 averaged over a box has 1 / its side
            smooth = box_filter(finer, box)
            detail.append((finer - smooth) * (side * inverse))
            finer, side = smooth, box
        differences = [(frames[:, k] - y) * torch.rsqrt(variance[:, k] + v + DIFFERENCE_FLOOR) for k in each if k != CENTRE]
        return torch.cat((scaled, level, (mean - 0.5) * torch.rsqrt(mean_variance + SIGMA_DATA ** 2), 0.125 * torch.log(mean_variance) + 0.6,
                          0.5 * torch.cat(differences + detail, 1).clamp(-DIFFERENCE_LIMIT, DIFFERENCE_LIMIT)), 1)

    def network(self, x, grain):
        """N [N,3,H,W] of the inputs and the grain vector."""
        films = iter(torch.split(self.embed(grain[:, :, None, None]), self.film_widths, 1))

        def run(group, h):
            for block in group:
                h = block(h, next(films))
            return h

        fine = run(self.fine_in, self.entry(x))
        middle = run(self.middle_in, self.down4(fine))
        h = run(self.coarse, self.down8(middle))
        h = run(self.middle_out, middle + self.shuffle(self.up4(h)))
        h = run(self.fine_out, fine + self.shuffle(self.up2(h)))
        return self.shuffle(self.exit(h))

    def forward(self, frames, sigma, grain):
        with torch.autocast(frames.device.type, enabled=False):
            x = self.inputs(frames, sigma)
        n = self.network(x, grain)
        y, s = frames[:, CENTRE], sigma[:, CENTRE]
        inverse = torch.rsqrt(s * s + SIGMA_DATA ** 2)
        skip = SIGMA_DATA ** 2 * inverse * inverse
        return 0.5 + skip * (y - 0.5) + SIGMA_DATA * s * inverse * n.float()

    def reach(self):
        """Receptive field's radius in px: no input further away than this changes an output."""
        fine_in, middle_in, coarse, middle_out, fine_out = (len(g) for g in self.groups())
        radius = sum(b // 2 for b in self.boxes) + 2 + 4 * fine_in + 2 + 8 * middle_in + 4 + 16 * coarse + 8  # the last: position inside a 1/8 cell
        return radius + 8 * middle_out + 4 * fine_out + 2


def make(size):
    return Denoiser(**SIZES[size])


def extended(weights, network):
    """State dict `weights` of an earlier or narrower network, grown to `network`'s shapes: it computes the same as before. Blocks that it lacked add nothing yet; inputs and
    channels that it lacked hold what a start draws, and are read with weight 0 by what was there."""
    grown = {k: v.clone() for k, v in network.state_dict().items()}
    films = {"old": 0, "new": 0}
    for name, group in zip(GROUPS, network.groups()):
        for index, block in enumerate(group):
            key, width = f"{name}.{index}", block.width
            if key + ".first.bias" not in weights:
                grown[key + ".second.weight"].zero_()
            else:
                old = len(weights[key + ".first.bias"])
                for part in ("weight", "bias"):
                    rows = grown["embed.2." + part]
                    for half in (0, 1):  # scales, then shifts
                        at = films["new"] + half * width
                        rows[at:at + old] = weights["embed.2." + part][films["old"] + half * old:films["old"] + (half + 1) * old]
                films["old"] += 2 * old
            films["new"] += 2 * width
    for key, old in weights.items():
        if not key.startswith("embed.2."):
            if old.dim() > 1:
                grown[key][:len(old)] = 0
            grown[key][tuple(slice(n) for n in old.shape)] = old
    return grown


def missing_neighbours(centre, sigma, grain=None):
    """The inputs (frames, sigma, grain) for a picture alone: centre and sigma [N,3,H,W]."""
    n, _, h, w = centre.shape
    nothing = centre.new_zeros(n, 6, h, w)
    return torch.cat((nothing, centre, nothing), 1), torch.cat((nothing + UNKNOWN, sigma, nothing + UNKNOWN), 1), centre.new_zeros(n, 4) if grain is None else grain
