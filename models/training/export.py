#!/usr/bin/env python3
"""Writes the networks of a checkpoint as ONNX graphs with a manifest and golden tensors, each file complete before it takes its name.

  export.py --checkpoint interpolate-light.pt --out ../light --golden ../../testdata/golden [--quality figures.json]

Without --checkpoint the untrained networks are written (zero heads: base = plain average, residual = 0).
Golden tensors are .npy (version 1, float32, C order); goldens.json beside them says what they are.
"""
import argparse
import hashlib
import json
import math
import os

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

import interpolate
import motion
from nets import ALIGNMENT, Residual, Synthesis

OPSET = 14
AXES = {0: "N", 2: "H", 3: "W"}
GRAPHS = {"synthesis": (["x"], ["flow_delta", "mask", "scale"]), "residual": (["state", "cond", "theta", "mean"], ["clean"])}
LICENCE = "MIT; trained on material credited in models/training/DATA.md (CC0, CC BY, public domain, BSD)"


def make_inputs(seed, height=32, width=40, n=1):
    """Smooth random frames, motion and t as the pipeline would make them: a dictionary of [N,C,H,W] tensors."""
    g = torch.Generator().manual_seed(seed)
    smooth = lambda c, k: torch.nn.functional.interpolate(torch.rand(n, c, k, k, generator=g), (height, width), mode="bicubic", align_corners=True)
    frame0 = (0.7 * smooth(3, 5) + 0.2 * smooth(3, 14) + 0.05 * torch.rand(n, 3, height, width, generator=g)).clamp(0, 1)
    frame1 = (motion.warp(frame0, 6 * smooth(2, 3) - 3, "bicubic") + 0.02 * torch.randn(n, 3, height, width, generator=g)).clamp(0, 1)
    return frame0, frame1, 8 * smooth(2, 4) - 4, -8 * smooth(2, 4) + 4


def save(path, array):
    array = array.detach().numpy() if torch.is_tensor(array) else np.asarray(array)
    with open(path + ".part", "wb") as f:
        np.lib.format.write_array(f, np.ascontiguousarray(array, dtype=np.float32), version=(1, 0))
    os.replace(path + ".part", path)


def write_goldens(folder, synthesis, residual, steps=3):
    """Golden tensors: motion (V, warps, inconsistencies), synthesis, residual (mean head and one noise level), and a chain from pair to frame."""
    manifest = {}

    def put(name, note, **arrays):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        for key, value in arrays.items():
            save(f"{folder}/{name}/{key}.npy", value)
        manifest[name] = {"about": note, "tensors": {k: list(np.shape(v)) for k, v in arrays.items()}}

    frame0, frame1, f01, f10 = make_inputs(1, 48, 64)
    t = torch.full((1, 1, 1, 1), 0.4)
    v = motion.motion_at(frame0, frame1, f01, f10, t)
    i0, i1 = motion.inconsistency_at(f01, f10, v, t)
    put("motion", "motion to time t = 0.4 and the look-ups there (design/models.md section 1; models/training/motion.py). inc0, inc1: on the grids of frame 0 and 1, px; "
        "inc_t0, inc_t1 saturated at 8 px and divided by 8; w0, w1 bicubic, not clipped. tolerance 1e-3 (V, px), 2e-4 (the rest)",
        frame0=frame0, frame1=frame1, f01=f01, f10=f10, t=t, v=v, w0=motion.warp(frame0, -t * v, "bicubic"), w1=motion.warp(frame1, (1 - t) * v, "bicubic"),
        inc0=motion.inconsistency(f01, f10), inc1=motion.inconsistency(f10, f01), inc_t0=i0, inc_t1=i1, valid0=motion.inside(-t * v), valid1=motion.inside((1 - t) * v))

    x = interpolate.synthesis_input(frame0, frame1, v, i0, i1, t)
    delta, mask, scale = synthesis(x)
    put("synthesis", "synthesis.onnx on the pair of `motion`. tolerance 1e-3 (flow_delta, px), 2e-4 (the rest)", x=x, flow_delta=delta, mask=mask, scale=scale)

    found = interpolate.base(synthesis, frame0, frame1, x)
    noise = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(2))
    theta, zero = torch.full((1, 1, 1, 1), math.atan(0.7)), torch.zeros(1, 1, 1, 1)
    put("residual", "residual.onnx on the condition of `chain`, sigma = 0.7. tolerance 5e-4", state=noise, cond=found.cond, theta=theta, mean=zero,
        clean=residual(noise, found.cond, theta, zero))
    mean_u = interpolate.mean(residual, found.cond)
    put("residual_mean", "residual.onnx, the mean head: state 0, theta pi/2, mean 1. tolerance 5e-4", state=torch.zeros_like(noise), cond=found.cond,
        theta=zero + math.pi / 2, mean=zero + 1, clean=mean_u)
    drawn = interpolate.sample(residual, found.cond, mean_u, noise, steps)
    put("chain", f"from the pair of `motion` to the frame: b, s, x_mean = b + s E[u], then {steps} steps of DPM++ 2M from z = E[u] + sqrt(1 + sigma1^2) noise over "
        f"sigmas {interpolate.sigmas(steps)}; x_sample = b + s u. Not clipped. tolerance 1e-3", frame0=frame0, frame1=frame1, f01=f01, f10=f10, t=t, noise=noise,
        b=found.b, s=found.s, x_mean=found.b + found.s * mean_u, u=drawn, x_sample=found.b + found.s * drawn, sigmas=np.array(interpolate.sigmas(steps)))
    with open(f"{folder}/goldens.json.part", "w") as f:
        json.dump(manifest, f, indent=1)
        f.write("\n")
    os.replace(f"{folder}/goldens.json.part", f"{folder}/goldens.json")


def gather_constants(model):
    """Makes every Constant node an initializer, equal ones once: a third of the nodes, the same meaning."""
    known, renamed, kept = {}, {}, []
    for node in model.graph.node:
        if node.op_type == "Constant":
            value = node.attribute[0].t
            key = (value.data_type, tuple(value.dims), numpy_helper.to_array(value).tobytes())
            if key not in known:
                known[key] = node.output[0]
                value.name = node.output[0]
                model.graph.initializer.append(value)
            renamed[node.output[0]] = known[key]
        else:
            kept.append(node)
    for node in kept:
        node.input[:] = [renamed.get(i, i) for i in node.input]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def to_onnx(module, name, inputs, path):
    ins, outs = GRAPHS[name]
    axes = {k: {0: "N"} if k in ("theta", "mean") else AXES for k in ins + outs}
    torch.onnx.export(module, inputs, path + ".part", input_names=ins, output_names=outs, dynamic_axes=axes, opset_version=OPSET, do_constant_folding=True)
    model = onnx.load(path + ".part")
    model.producer_name, model.doc_string = "FrameFlow", f"{name}: see models/training/nets.py"
    for output, channels in zip(model.graph.output, {"synthesis": (4, 1, 1), "residual": (3,)}[name]):
        for axis, value in zip(output.type.tensor_type.shape.dim, ("N", channels, "H", "W")):
            axis.Clear()
            setattr(axis, "dim_value" if isinstance(value, int) else "dim_param", value)
    gather_constants(model)
    onnx.checker.check_model(model)
    onnx.save(model, path + ".part")
    banned = {n.op_type for n in model.graph.node} & {"GridSample", "GroupNormalization", "InstanceNormalization", "BatchNormalization", "Attention"}
    assert not banned, banned
    return model


def run_onnx(model, feeds):
    """A small interpreter of the operators these graphs hold, on torch tensors: checks that the file means what the network computes."""
    import torch.nn.functional as F
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in model.graph.initializer} | dict(feeds)

    def conv(a, x, w, b=None):
        return F.conv2d(x, w, b, a.get("strides", 1), a.get("pads", [0, 0])[:2], a.get("dilations", 1))

    def slice_(a, x, starts, ends, axes, steps=None):
        for s, e, axis in zip(starts.tolist(), ends.tolist(), axes.tolist()):
            x = x[(slice(None),) * axis + (slice(s, e),)]
        return x

    def reshape(a, x, shape):
        return x.reshape([x.shape[i] if s == 0 else s for i, s in enumerate(shape.tolist())])

    ops = {"Conv": conv, "Slice": slice_, "Reshape": reshape, "PRelu": lambda a, x, w: torch.where(x < 0, x * w, x), "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y,
           "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc"), "Exp": lambda a, x: x.exp(), "Log": lambda a, x: x.log(), "Sigmoid": lambda a, x: x.sigmoid(),
           "Cos": lambda a, x: x.cos(), "Sin": lambda a, x: x.sin(), "Concat": lambda a, *xs: torch.cat([x for x in xs], a["axis"]), "Transpose": lambda a, x: x.permute(a["perm"]),
           "Clip": lambda a, x, low, high: x.clamp(float(low), float(high)), "Shape": lambda a, x: torch.tensor(x.shape), "Identity": lambda a, x: x,
           "Gather": lambda a, x, i: x.index_select(a.get("axis", 0), i.reshape(-1)).reshape(i.shape), "Unsqueeze": lambda a, x, axes: x.reshape(1) if x.dim() == 0 else x.unsqueeze(int(axes)),
           "Cast": lambda a, x: x.to({1: torch.float32, 7: torch.int64, 10: torch.float16}[a["to"]]), "Constant": lambda a: torch.from_numpy(numpy_helper.to_array(a["value"]).copy()),
           "DepthToSpace": lambda a, x: F.pixel_shuffle(x, a["blocksize"]),
           "AveragePool": lambda a, x: F.avg_pool2d(x, a["kernel_shape"], a["strides"]),
           "Split": lambda a, x, sizes: torch.split(x, sizes.tolist(), a["axis"]), "Abs": lambda a, x: x.abs(), "ReduceMean": lambda a, x: x.mean(a["axes"], keepdim=bool(a["keepdims"]))}
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        result = ops[node.op_type](attributes, *[values[i] for i in node.input if i])
        values.update(zip(node.output, result if isinstance(result, tuple) else (result,)))
    return [values[o.name] for o in model.graph.output]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint")
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "light"))
    ap.add_argument("--golden", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "testdata", "golden"))
    ap.add_argument("--quality", help="JSON that evaluate.py wrote, for the manifest; else the validation kept in the checkpoint")
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    quality = {}
    networks, training = {"synthesis": Synthesis(), "residual": Residual()}, {"steps": 0}
    if args.checkpoint:
        checkpoint = torch.load(args.checkpoint, map_location="cpu")
        for name, module in networks.items():
            module.load_state_dict(checkpoint["ema"][name])
        training, quality = checkpoint["training"], {"triplets": checkpoint["figures"]} if "figures" in checkpoint else {}
    for module in networks.values():
        module.eval()
    os.makedirs(args.out, exist_ok=True)
    os.makedirs(args.golden, exist_ok=True)

    n, h, w = 2, 24, 40  # not the traced size: dynamic axes are checked too
    x = torch.rand(n, 16, h, w)
    checks = {"synthesis": (x,), "residual": (torch.randn(n, 3, h, w), x, torch.rand(n, 1, 1, 1), torch.ones(n, 1, 1, 1))}
    trace = {"synthesis": (torch.rand(1, 16, 32, 48),), "residual": (torch.rand(1, 3, 32, 48), torch.rand(1, 16, 32, 48), torch.rand(1, 1, 1, 1), torch.rand(1, 1, 1, 1))}
    files = {}
    for name, module in networks.items():
        path = os.path.join(args.out, name + ".onnx")
        model = to_onnx(module, name, trace[name], path)
        expected = module(*checks[name])
        got = run_onnx(model, dict(zip(GRAPHS[name][0], checks[name])))
        error = max(float((a - b).abs().max()) for a, b in zip(expected if isinstance(expected, tuple) else (expected,), got))
        print(f"{name}: {len(model.graph.node)} nodes, {sum(p.numel() for p in module.parameters())} weights, max abs error against PyTorch {error:.2e}")
        assert error < 1e-4, error
        os.replace(path + ".part", path)
        with open(path, "rb") as f:
            files[name] = {"path": name + ".onnx", "sha256": hashlib.sha256(f.read()).hexdigest(), "inputs": GRAPHS[name][0], "outputs": GRAPHS[name][1],
                           "parameters": sum(p.numel() for p in module.parameters())}
    write_goldens(args.golden, networks["synthesis"], networks["residual"])
    manifest = {"name": "light", "task": "interpolate", "version": 1, "licence": LICENCE, "files": files, "range": [0, 1], "colour": "RGB code values", "alignment": ALIGNMENT,
                "receptiveField": {k: m.reach() for k, m in networks.items()}, "sigma": {"start": interpolate.SIGMA_START, "spacing": "even in atan(sigma), then 0"},
                "residualScale": {"min": interpolate.SCALE_RANGE[0], "max": interpolate.SCALE_RANGE[1]}, "training": training, "quality": quality}
    if args.quality:
        with open(args.quality) as f:
            manifest["quality"] = {"triplets": json.load(f)}
    path = os.path.join(args.out, "model.json")
    with open(path + ".part", "w") as f:
        json.dump(manifest, f, indent=1)
        f.write("\n")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
