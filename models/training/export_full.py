#!/usr/bin/env python3
"""Writes the `full` model's networks as ONNX graphs, fp32 and fp16, with a manifest, each file complete before it takes its name.

  export_full.py --weights DIR [--out ../full] [--quality figures.json]

--weights holds <name>.pt as train_full.py writes them; networks without a file are left out (flow alone is a model of task `flow`). README.md holds flow.onnx's contract.
Every graph is run by ONNX Runtime at a size it was not traced at and compared with PyTorch. fp16 graphs take and give float32: convolutions and what lies between them run
in half precision, motion, look-ups and the heads' last steps in single.
"""
import argparse
import copy
import hashlib
import json
import os
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import full
import interpolate
import ort
from export import AXES, LICENCE, OPSET, gather_constants, network_inputs, to_onnx
from flow import FLOW_ALIGNMENT
from nets import ALIGNMENT, flops_per_pixel

FLOW_GRAPH = (["image0", "image1"], ["flow01", "flow10"])
GRAPHS = {"flow": FLOW_GRAPH, "synthesis": (["looks", "motion"], ["flow_delta", "mask", "scale"]), "residual": (["pictures", "maps"], ["n"])}
HALF_OPS = {"PRelu", "LeakyRelu", "Tanh", "Add", "Sub", "Mul", "Slice", "Unsqueeze", "Squeeze", "Pad", "ReduceSum", "Transpose", "DepthToSpace", "Identity", "Split"}
TOLERANCE = {"fp32": 1e-3, "fp16": None}  # of outputs' deviation; fp16's error is stated, not judged: the figures on footage judge it


def flow_to_onnx(module, path):
    """The flow network's graph: warps as row gathers, any N and any H, W that are multiples of FLOW_ALIGNMENT."""
    module = copy.deepcopy(module).eval()
    module.gathers = True
    ins, outs = FLOW_GRAPH
    arguments = {"dynamo": False} if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's word on shapes: the comparison at other sizes judges them
        torch.onnx.export(module, tuple(torch.rand(2, 1, 3, 64, 96)), path + ".part", input_names=ins, output_names=outs, dynamic_axes={k: AXES for k in ins + outs}, opset_version=OPSET,
                          do_constant_folding=True, **arguments)
    model = onnx.load(path + ".part")
    model.producer_name, model.doc_string = "FrameFlow", "flow: see models/training/flow.py"
    for output in model.graph.output:
        for axis, value in zip(output.type.tensor_type.shape.dim, ("N", 2, "H", "W")):
            axis.Clear()
            setattr(axis, "dim_value" if isinstance(value, int) else "dim_param", value)
    gather_constants(model)
    onnx.checker.check_model(model)
    onnx.save(model, path + ".part")
    banned = {n.op_type for n in model.graph.node} & {"GridSample", "GroupNormalization", "InstanceNormalization", "BatchNormalization", "Attention", "If", "Loop", "Scan"}
    assert not banned, banned
    return model


def to_half(model):
    """A copy of a float32 graph whose convolutions and the HALF_OPS between them run in float16; graph inputs and outputs stay float32."""
    model = copy.deepcopy(model)
    graph = model.graph
    floats = {i.name: i for i in graph.initializer if i.data_type == TensorProto.FLOAT}
    consumers = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node.op_type)
    made_half, integers = set(), {i.name for i in graph.initializer} - set(floats)
    half, single, nodes, weights = {}, {}, [], {}  # tensors that live in half; their casts back; the new nodes; initializers in half

    def cast(name, kind):
        nodes.append(helper.make_node("Cast", [name], [f"{name}_as_{kind}"], to=TensorProto.FLOAT16 if kind == "half" else TensorProto.FLOAT))
        return nodes[-1].output[0]

    def as_half(name):
        if name in floats:
            if name not in weights:
                weights[name] = numpy_helper.from_array(numpy_helper.to_array(floats[name]).astype(np.float16), name + "_half")
            return weights[name].name
        if name not in half:
            half[name] = cast(name, "half")
        return half[name]

    def as_single(name):
        if name in made_half:
            if name not in single:
                single[name] = cast(half[name], "single")
            return single[name]
        return name

    for node in graph.node:
        data = [n for n in node.input if n]
        resident = [n for n in data if n in made_half]
        alone = all(n in made_half or n in floats or n in integers for n in data)
        runs_half = node.op_type == "Conv" or (resident and alone and node.op_type in HALF_OPS) or \
            (node.op_type == "Concat" and resident and (alone or all(c == "Conv" for o in node.output for c in consumers.get(o, []))))
        if runs_half:
            node.input[:] = [n if not n or n in integers else as_half(n) for n in node.input]
            for k, name in enumerate(list(node.output)):
                made_half.add(name)
                half[name] = name + "_in_half"
                node.output[k] = half[name]
        else:
            node.input[:] = [as_single(n) if n else n for n in node.input]
        nodes.append(node)
    for output in graph.output:
        if output.name in made_half:
            nodes.append(helper.make_node("Cast", [half[output.name]], [output.name], to=TensorProto.FLOAT))
    del graph.node[:]
    graph.node.extend(nodes)
    used = {n for node in graph.node for n in node.input}
    kept = [i for i in graph.initializer if i.name in used] + list(weights.values())
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    return model


def smooth_pair(n, height, width):
    """Two random smooth pictures with fine texture, the second moved: inputs on which a flow network does something."""
    smooth = lambda c, k: torch.nn.functional.interpolate(torch.rand(n, c, k, k), (height, width), mode="bicubic", align_corners=True)
    frame = (0.6 * smooth(3, 6) + 0.3 * smooth(3, 25) + 0.05 * torch.rand(n, 3, height, width)).clamp(0, 1)
    return frame, frame.roll((2, -3), (2, 3))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "full"))
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--quality", help="JSON that evaluate_full.py wrote; else the validation kept with the weights")
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    if not ort.available():
        raise SystemExit("no ONNX Runtime to check the graphs with: install the onnxruntime package, or restore the product's NuGet packages")
    modules = full.networks(args.width).eval()
    found = full.load(modules, args.weights)
    if "flow" not in found:
        raise SystemExit(f"{args.weights} holds no flow.pt: train it first, or copy it there")
    os.makedirs(args.out, exist_ok=True)
    checks, trace = {"flow": smooth_pair(2, 96, 160)} | network_inputs(2, 24, 40), network_inputs(1, 32, 48)
    files = {}
    for name in found:
        path = os.path.join(args.out, name + ".onnx")
        module, (ins, outs) = modules[name], GRAPHS[name]
        single = flow_to_onnx(module, path) if name == "flow" else to_onnx(module, name, trace[name], path)
        expected = module(*checks[name])
        expected = expected if isinstance(expected, tuple) else (expected,)
        files[name] = {"inputs": ins, "outputs": outs, "parameters": sum(p.numel() for p in module.parameters()),
                       "flopsPerPixel": round(flops_per_pixel(module, *checks[name]))}
        for kind, model in (("fp32", single), ("fp16", to_half(single))):
            got = ort.run(model, dict(zip(ins, (c.numpy() for c in checks[name]))), outs)
            error = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, got))
            assert np.isfinite(error) and (TOLERANCE[kind] is None or error < TOLERANCE[kind]), (name, kind, error)
            file = name + (".onnx" if kind == "fp32" else ".fp16.onnx")
            onnx.save(model, os.path.join(args.out, file + ".part"))
            os.replace(os.path.join(args.out, file + ".part"), os.path.join(args.out, file))
            with open(os.path.join(args.out, file), "rb") as f:
                content = f.read()
            stated = {"path": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "maxAbsError": float(f"{error:.2e}")}
            files[name] |= stated if kind == "fp32" else {"half": stated}
            print(f"{file}: {len(model.graph.node)} nodes, {len(content) / 2 ** 20:.1f} MiB, max abs error against PyTorch {error:.2e}")
    quality = next((found[k]["figures"] for k in reversed(full.NAMES) if k in found and "figures" in found[k]), None)
    if args.quality:
        with open(args.quality) as f:
            quality = json.load(f)
    manifest = {"name": "full", "task": "interpolate" if len(found) == 3 else "flow", "version": 1, "licence": LICENCE, "files": files, "range": [0, 1], "colour": "RGB code values",
                "alignment": ALIGNMENT, "flowAlignment": FLOW_ALIGNMENT, "receptiveField": {k: modules[k].reach() for k in found if k != "flow"},
                "sigma": {"start": interpolate.SIGMA_START, "spacing": "even in atan(sigma), then 0"},
                "residualScale": {"min": interpolate.SCALE_RANGE[0], "max": interpolate.SCALE_RANGE[1]}, "training": {k: v.get("training", {}) for k, v in found.items()},
                "quality": {"triplets": quality} if quality else {}}
    path = os.path.join(args.out, "model.json")
    with open(path + ".part", "w") as f:
        json.dump(manifest, f, indent=1)
        f.write("\n")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
