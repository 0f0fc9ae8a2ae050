"""The `full` model: learned flow, larger synthesis, larger residual, and how they follow one another. Shapes as in motion.py and interpolate.py."""
import os

import torch
import torch.nn.functional as F

import interpolate
import motion
from flow import FLOW_ALIGNMENT, Flow
from nets import Residual, Synthesis

NAMES = ("flow", "synthesis", "residual")


def networks(width=128):
    """The three networks of `full` by name; `width` of the flow's trunk."""
    return torch.nn.ModuleDict({"flow": Flow(width), "synthesis": Synthesis(), "residual": Residual()})


def load(modules, folder):
    """Loads <folder>/<name>.pt (EMA weights, as train_full.py writes them) into those modules that have a file; gives {name: the file's other contents}."""
    found = {}
    for name, module in modules.items():
        path = os.path.join(folder, name + ".pt")
        if os.path.exists(path):
            saved = torch.load(path, map_location="cpu")
            module.load_state_dict(saved.pop("ema"))
            found[name] = saved
    return found


def find_flow(flow, frame0, frame1):
    """flow01, flow10 of frames of any size: padded right and below by replication to FLOW_ALIGNMENT, cut back."""
    height, width = frame0.shape[-2:]
    pad = (0, -width % FLOW_ALIGNMENT, 0, -height % FLOW_ALIGNMENT)
    return tuple(f.float()[..., :height, :width] for f in flow(F.pad(frame0, pad, mode="replicate"), F.pad(frame1, pad, mode="replicate")))


def synthesis_input(frame0, frame1, f01, f10, t):
    """x [N,16,H,W] of the synthesis network; gradients reach the flows through the motion to t and its look-ups."""
    v = motion.motion_at(frame0, frame1, f01, f10, t)
    with torch.no_grad():
        inconsistency = motion.inconsistency_at(f01, f10, v, t)
    return interpolate.synthesis_input(frame0, frame1, v, *inconsistency, t)


def average(x):
    """The frame at t by plain averaging of both look-ups, one alone where the other leaves the picture: judges the flow by itself."""
    m = torch.sigmoid(7 * (x[:, 12:13] - x[:, 13:14]))
    return m * x[:, 0:3] + (1 - m) * x[:, 3:6]
