#!/usr/bin/env python3
"""Writes the networks of a checkpoint as ONNX graphs with a manifest and golden tensors, each file complete before it takes its name.

  export.py --checkpoint interpolate-light.pt [--out ../light] [--golden ../../testdata/golden] [--quality figures.json]
  export.py --task denoise --checkpoint denoise-light.pt [--out ../denoise-light] ...

Without --checkpoint the untrained networks are written (zero heads: base = plain average, residual = 0; the denoiser shrinks towards 1/2).
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

import align
import denoise
import interpolate
import motion
from nets import ALIGNMENT, LOOKS, MAPS, MOTION, PICTURES, LightResidual, LightSynthesis, flops_per_pixel

OPSET = 14
HALVE_FROM = 720  # px of the shorter side: light's networks see larger frames at half size (docs/benchmarks.md: half the time at 720p, .1 dB of its .2 over plain averaging)
ACTIVATION_BYTES = {"synthesis": 240, "residual": 240, "denoise": 400}  # a pixel of the input, upper bounds: what ONNX Runtime holds between operators, as glibc keeps it
AXES = {0: "N", 2: "H", 3: "W"}
GRAPHS = {"synthesis": (["looks", "motion"], ["mask", "scale"]), "residual": (["pictures", "maps"], ["n"]),
          "denoise": (["x", "grain"], ["n"])}
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


class Goldens:
    """A folder of golden tensors with goldens.json, which keeps what other tasks wrote there."""

    def __init__(self, folder):
        self.folder, self.manifest = folder, {}
        if os.path.exists(f"{folder}/goldens.json"):
            with open(f"{folder}/goldens.json") as f:
                self.manifest = json.load(f)

    def put(self, name, note, **arrays):
        os.makedirs(f"{self.folder}/{name}", exist_ok=True)
        for key, value in arrays.items():
            save(f"{self.folder}/{name}/{key}.npy", value)
        self.manifest[name] = {"about": note, "tensors": {k: list(np.shape(v)) for k, v in arrays.items()}}

    def close(self):
        write_json(f"{self.folder}/goldens.json", self.manifest)


def write_json(path, content):
    with open(path + ".part", "w") as f:
        json.dump(content, f, indent=1)
        f.write("\n")
    os.replace(path + ".part", path)


def network_inputs(n, height, width):
    """Random inputs of the interpolation's two networks, by name."""
    return {"synthesis": tuple(torch.rand(n, c, height, width) for c in (LOOKS, MOTION)), "residual": tuple(torch.rand(n, c, height, width) for c in (PICTURES, MAPS))}


class DenoiserCore(torch.nn.Module):
    """N alone (denoise.Denoiser.network): the product makes its inputs x and what D is made of it, a fifth of the network's time in a graph's operators, in one pass (NetworkInputs.cs)."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x, grain):
        return self.denoiser.network(x, grain)


def denoise_inputs(seed, height=24, width=32, n=1):
    """Five smooth frames with noise that grows to the right, one neighbour missing, a masked patch in the centre: (frames, sigma, grain)."""
    g = torch.Generator().manual_seed(seed)
    smooth = lambda c, k: torch.nn.functional.interpolate(torch.rand(n, c, k, k, generator=g), (height, width), mode="bicubic", align_corners=True)
    clean = 0.7 * smooth(3, 5) + 0.2 * smooth(3, 12)
    sigma = torch.linspace(0, 0.2, width).expand(n, 15, height, width) * (0.5 + torch.rand(n, 15, 1, 1, generator=g))
    frames = (clean.repeat(1, 5, 1, 1) + sigma * torch.randn(n, 15, height, width, generator=g)).contiguous()
    sigma = sigma.contiguous()
    frames[:, 12:], sigma[:, 12:] = 0, denoise.UNKNOWN
    frames[:, 6:9, 8:12, 16:20], sigma[:, 6:9, 8:12, 16:20] = 1, denoise.UNKNOWN
    return frames, sigma, torch.rand(n, 4, generator=g)


def write_denoise_goldens(folder, size, network):
    """Golden tensors of the denoiser `denoise_<size>`, and of the alignment that its neighbours need (given the motion)."""
    goldens = Goldens(folder)
    frames, sigma, grain = denoise_inputs(5)
    goldens.put("denoise_" + size, "denoise.onnx: noise from 0 at the left to about 1/4 at the right, frame +2 missing, a masked patch in the centre. tolerance 2e-4",
                frames=frames, sigma=sigma, grain=grain, clean=network(frames, sigma, grain))
    centre, neighbour, flow, _ = make_inputs(6, 24, 32)
    picture = lambda a: a[0].permute(1, 2, 0).numpy().copy()
    c, m, f, level = picture(centre), picture(neighbour), picture(flow) / 2, np.float32(0.05)
    shrink = align.squared_weights(f, "bicubic")
    warped = align.look_up_exactly(m, f)
    found = align.unreliability(warped, c, level ** 2 * (shrink + 1), f)
    planes = lambda a: np.ascontiguousarray(a.transpose(2, 0, 1))[None] if a.ndim == 3 else a[None, None]
    goldens.put("alignment", "models/training/align.py: a neighbour looked up (bicubic) along flow (px), sum of squared weights, sigma_align for noise of deviation .05 in both "
                "(100 outside). tolerance 2e-4", centre=centre, neighbour=neighbour, flow=planes(f), warped=planes(warped), squared_weights=planes(shrink), sigma_align=planes(found))
    goldens.close()


def write_goldens(folder, synthesis, residual, steps=3):
    """Golden tensors: motion (V, warps, inconsistencies), synthesis, residual (mean head and one noise level), and a chain from pair to frame."""
    goldens = Goldens(folder)
    put = goldens.put
    frame0, frame1, f01, f10 = make_inputs(1, 48, 64)
    t = torch.full((1, 1, 1, 1), 0.4)
    v = motion.motion_at(frame0, frame1, f01, f10, t)
    i0, i1 = motion.inconsistency_at(f01, f10, v, t)
    apart = [m - v for m in motion.carried(f01, f10, t)]
    put("motion", "motion to time t = 0.4 and the look-ups there (design/models.md section 1; models/training/motion.py). apart: both directions' own motion there, less V, px; inc0, inc1: on the grids of frame 0 and 1, px; "
        "inc_t0, inc_t1 saturated at 8 px and divided by 8; w0, w1 bicubic, not clipped. tolerance 1e-3 (V, px), 2e-4 (the rest)",
        frame0=frame0, frame1=frame1, f01=f01, f10=f10, t=t, v=v, apart=torch.cat(apart, 1), w0=motion.warp(frame0, -t * v, "bicubic"), w1=motion.warp(frame1, (1 - t) * v, "bicubic"),
        inc0=motion.inconsistency(f01, f10), inc1=motion.inconsistency(f10, f01), inc_t0=i0, inc_t1=i1, valid0=motion.inside(-t * v), valid1=motion.inside((1 - t) * v))

    x = interpolate.synthesis_input(frame0, frame1, v, i0, i1, t, apart=apart)
    mask, scale = synthesis(x[:, :LOOKS], x[:, LOOKS:])
    put("synthesis", "synthesis.onnx on the pair of `motion`, look-ups averaged. tolerance 2e-4", x=x, mask=mask, scale=scale)

    found = interpolate.base(synthesis, x)
    noise = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(2))
    theta, zero = torch.full((1, 1, 1, 1), math.atan(0.7)), torch.zeros(1, 1, 1, 1)
    put("residual", "residual.onnx on the condition of `chain`, sigma = 0.7. tolerance 5e-4", state=noise, cond=found.cond, theta=theta, mean=zero,
        clean=interpolate.clean(residual, noise, found.cond, theta, zero))
    mean_u = interpolate.mean(residual, found.cond)
    put("residual_mean", "residual.onnx, the mean head: state 0, theta pi/2, mean 1. tolerance 5e-4", state=torch.zeros_like(noise), cond=found.cond,
        theta=zero + math.pi / 2, mean=zero + 1, clean=mean_u)
    drawn = interpolate.sample(residual, found.cond, mean_u, noise, steps)
    put("chain", f"from the pair of `motion` to the frame: b, s, x_mean = b + s E[u], then {steps} steps of DPM++ 2M from z = E[u] + sqrt(1 + sigma1^2) noise over "
        f"sigmas {interpolate.sigmas(steps)}; x_sample = b + s u, x_limited the same with its detail limited. Not clipped. tolerance 1e-3", frame0=frame0, frame1=frame1, f01=f01, f10=f10, t=t, noise=noise,
        b=found.b, s=found.s, x_mean=found.b + found.s * mean_u, u=drawn, x_sample=found.b + found.s * drawn,
        x_limited=found.b + found.s * interpolate.limit(found, mean_u, drawn), sigmas=np.array(interpolate.sigmas(steps)))
    goldens.close()


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


def halve_file(model):
    """Keeps large weights that halves hold exactly as halves, cast when the session is made (a constant: folded): half the file, the same numbers."""
    casts, kept = [], []
    for weight in model.graph.initializer:
        value = numpy_helper.to_array(weight)
        if value.dtype == np.float32 and value.size > 1024 and (value.astype(np.float16).astype(np.float32) == value).all():
            kept.append(numpy_helper.from_array(value.astype(np.float16), weight.name + "_half"))
            casts.append(helper.make_node("Cast", [weight.name + "_half"], [weight.name], name="cast_" + weight.name, to=onnx.TensorProto.FLOAT))
        else:
            kept.append(weight)
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def to_onnx(module, name, inputs, path):
    ins, outs = GRAPHS[name]
    axes = {k: {0: "N"} if k == "grain" else AXES for k in ins + outs}
    torch.onnx.export(module, inputs, path + ".part", input_names=ins, output_names=outs, dynamic_axes=axes, opset_version=OPSET, do_constant_folding=True)
    model = onnx.load(path + ".part")
    model.producer_name, model.doc_string = "FrameFlow", f"{name}: see models/training/{'denoise' if name == 'denoise' else 'nets'}.py"
    for output, channels in zip(model.graph.output, {"synthesis": (1, 1), "residual": (3,), "denoise": (3,)}[name]):
        for axis, value in zip(output.type.tensor_type.shape.dim, ("N", channels, "H", "W")):
            axis.Clear()
            setattr(axis, "dim_value" if isinstance(value, int) else "dim_param", value)
    gather_constants(model)
    halve_file(model)
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

    ops = {"Conv": conv, "Relu": lambda a, x: x.relu(), "Resize": lambda a, x, scales: F.interpolate(x, scale_factor=tuple(float(k) for k in scales[2:]), mode="nearest"), "Slice": slice_, "Reshape": reshape, "PRelu": lambda a, x, w: torch.where(x < 0, x * w, x), "LeakyRelu": lambda a, x: F.leaky_relu(x, a["alpha"]), "Sqrt": lambda a, x: x.sqrt(), "Reciprocal": lambda a, x: 1 / x, "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y,
           "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc"), "Exp": lambda a, x: x.exp(), "Log": lambda a, x: x.log(), "Sigmoid": lambda a, x: x.sigmoid(),
           "Cos": lambda a, x: x.cos(), "Sin": lambda a, x: x.sin(), "Concat": lambda a, *xs: torch.cat([x for x in xs], a["axis"]), "Transpose": lambda a, x: x.permute(a["perm"]),
           "Clip": lambda a, x, low, high: x.clamp(float(low), float(high)), "Shape": lambda a, x: torch.tensor(x.shape), "Identity": lambda a, x: x,
           "Gather": lambda a, x, i: x.index_select(a.get("axis", 0), i.reshape(-1)).reshape(i.shape), "Unsqueeze": lambda a, x, axes: x.reshape(1) if x.dim() == 0 else x.unsqueeze(int(axes)),
           "Cast": lambda a, x: x.to({1: torch.float32, 7: torch.int64, 10: torch.float16}[a["to"]]), "Constant": lambda a: torch.from_numpy(numpy_helper.to_array(a["value"]).copy()),
           "DepthToSpace": lambda a, x: F.pixel_shuffle(x, a["blocksize"]),
           "AveragePool": lambda a, x: F.avg_pool2d(x, a["kernel_shape"], a["strides"], a.get("pads", [0, 0])[:2], count_include_pad=bool(a.get("count_include_pad", 0))),
           "Split": lambda a, x, sizes: torch.split(x, sizes.tolist(), a["axis"]), "Abs": lambda a, x: x.abs(), "ReduceMean": lambda a, x: x.mean(a["axes"], keepdim=bool(a["keepdims"]))}
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        result = ops[node.op_type](attributes, *[values[i] for i in node.input if i])
        values.update(zip(node.output, result if isinstance(result, tuple) else (result,)))
    return [values[o.name] for o in model.graph.output]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--task", choices=["interpolate", "denoise"], default="interpolate")
    ap.add_argument("--size", choices=list(denoise.SIZES), default="light", help="denoise")
    ap.add_argument("--checkpoint")
    here = os.path.dirname(os.path.abspath(__file__))
    ap.add_argument("--out", help="default: ../light, ../denoise-<size>")
    ap.add_argument("--golden", default=os.path.join(here, "..", "..", "testdata", "golden"))
    ap.add_argument("--quality", help="JSON that the evaluation wrote, for the manifest; else the validation kept in the checkpoint")
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    interpolating = args.task == "interpolate"
    out = args.out or os.path.join(here, "..", "light" if interpolating else f"denoise-{args.size}")
    denoiser = None if interpolating else denoise.make(args.size)
    networks, training, quality = {"synthesis": LightSynthesis(), "residual": LightResidual()} if interpolating else {"denoise": DenoiserCore(denoiser)}, {"steps": 0}, {}
    if args.checkpoint:
        checkpoint = torch.load(args.checkpoint, map_location="cpu")
        for name, module in networks.items():
            (module if interpolating else denoiser).load_state_dict(checkpoint["ema"][name] if interpolating else checkpoint["ema"])
        training, quality = checkpoint["training"], checkpoint.get("figures", {})
    if args.quality:
        with open(args.quality) as f:
            quality = json.load(f)
    for module in networks.values():
        module.eval()
    os.makedirs(out, exist_ok=True)
    os.makedirs(args.golden, exist_ok=True)

    n, h, w = 2, 24, 40  # not the traced size: dynamic axes are checked too
    if interpolating:
        checks, trace = network_inputs(n, h, w), network_inputs(1, 32, 48)
    else:
        seen = lambda frames, sigma, grain: (denoiser.inputs(frames, sigma), grain)
        checks, trace = {"denoise": seen(*denoise_inputs(7, h, w, n))}, {"denoise": seen(*denoise_inputs(8, 32, 48))}
    files = {}
    for name, module in networks.items():
        path = os.path.join(out, name + ".onnx")
        model = to_onnx(module, name, trace[name], path)
        expected = module(*checks[name])
        got = run_onnx(model, dict(zip(GRAPHS[name][0], checks[name])))
        error = max(float((a - b).abs().max()) for a, b in zip(expected if isinstance(expected, tuple) else (expected,), got))
        print(f"{name}: {len(model.graph.node)} nodes, {sum(p.numel() for p in module.parameters())} weights, max abs error against PyTorch {error:.2e}")
        assert error < 1e-4, error
        os.replace(path + ".part", path)
        with open(path, "rb") as f:
            files[name] = {"path": name + ".onnx", "sha256": hashlib.sha256(f.read()).hexdigest(), "inputs": GRAPHS[name][0], "outputs": GRAPHS[name][1],
                           "processorNodes": [n.name for n in model.graph.node if n.op_type == "Split" and len(n.output) > 15],  # WebGPU: 16 buffers a shader
                           "activationBytes": ACTIVATION_BYTES[name],
                           "parameters": sum(p.numel() for p in module.parameters()), "flopsPerPixel": round(flops_per_pixel(module, *trace[name]))}
    version = 0
    if os.path.exists(os.path.join(out, "model.json")):
        with open(os.path.join(out, "model.json")) as f:
            version = json.load(f)["version"]
    manifest = {"name": os.path.basename(os.path.normpath(out)), "task": args.task, "version": version + 1, "licence": LICENCE, "files": files, "range": [0, 1], "colour": "RGB code values", "alignment": ALIGNMENT,
                "receptiveField": {k: m.reach() for k, m in (networks.items() if interpolating else [("denoise", denoiser)])}}
    if interpolating:
        write_goldens(args.golden, networks["synthesis"], networks["residual"])
        manifest |= {"halveFrom": HALVE_FROM, "sigma": {"start": interpolate.SIGMA_START, "spacing": "even in atan(sigma), then 0"}, "residualScale": {"min": interpolate.SCALE_RANGE[0], "max": interpolate.SCALE_RANGE[1]},
                     "training": training, "quality": {"triplets": quality} if quality else {}}
    else:
        write_denoise_goldens(args.golden, args.size, denoiser)
        manifest |= {"frames": denoise.FRAMES, "sigmaUnknown": denoise.UNKNOWN, "sigmaData": denoise.SIGMA_DATA, "boxes": list(denoiser.boxes), "training": training, "quality": quality}
    write_json(os.path.join(out, "model.json"), manifest)


if __name__ == "__main__":
    main()
