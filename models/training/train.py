#!/usr/bin/env python3
"""Trains the interpolation networks on a cache of samples (make_cache.py) and stops by itself.

  train.py --task interpolate --minutes 60 --cache DIR --out DIR [--triplets DIR] [--resume FILE]

Tasks: interpolate (synthesis and residual at once; the residual network sees b and s detached), denoise. `full` is trained by train_full.py.
Written to --out: last.pt (everything, to resume), best.pt (EMA of the best validation), log.jsonl. SIGTERM ends as time's end does.
The learning rate falls as a cosine over --minutes. On a GPU: bf16 autocast and channels-last; on a CPU bf16 where it has the instructions.
"""
import argparse
import copy
import json
import math
import os
import platform
import signal
import time

import torch
import torch.nn.functional as F

import interpolate
import runlog
import windows
from data import Samples
from nets import LightResidual, LightSynthesis

MEAN_SHARE = 0.5  # of a batch's samples train the mean head: the default output, so more than the fourth that the design names
SCALE_WEIGHT = 0.1  # of the Laplace likelihood beside the base's loss


def pyramid_l1(x, y, levels=4):
    """Mean absolute difference [N] of two pictures' Laplacian pyramids (levels weigh the same)."""
    difference, total = x - y, 0.0
    for level in range(levels):
        small = F.avg_pool2d(difference, 2)
        band = difference - F.interpolate(small, scale_factor=2.0, mode="nearest") if level < levels - 1 else difference
        total = total + band.abs().mean((1, 2, 3))
        difference = small
    return total / levels


def hardness(squared):
    """Weights of samples [N] by the root of their squared error, mean 1: what is easy has little to gain, and made scenes are easier than footage."""
    root = squared.detach().sqrt() + 0.01
    return root / root.mean()


def base_loss(b, truth):
    """ln of each sample's squared error (what PSNR averages), with .3 of ln of the pyramid's: scalar."""
    squared = (b - truth).square().mean((1, 2, 3))
    return (hardness(squared) * (torch.log(squared + 1e-4) + 0.3 * torch.log(pyramid_l1(b, truth) + 1e-3))).mean()


def scale_loss(b, scale, truth, t):
    """Negative log likelihood of a Laplace distribution of scale s_hat 2 sqrt(t(1-t)) around b (detached)."""
    scale = scale * interpolate.time_factor(t)
    return (torch.log(2 * scale) + (truth - b.detach()).abs().mean(1, keepdim=True) / scale).mean()


def residual_losses(residual, found, truth, generator, mean_share=MEAN_SHARE):
    """(denoising, mean) losses, and what the mean head gains over the base in dB. Denoising: squared error in N-space, ln sigma uniform: EDM's weighting. Mean head: s^2 |D - u|^2 over the base's own
    error in the sample, which is what mean PSNR weighs by; by s^2 or unnormalised, a few hopeless samples drown the rest."""
    u, s, cond = (truth - found.b.detach()) / found.s, found.s, found.cond
    n = u.shape[0]
    k = round(mean_share * n)
    uniform = torch.rand(n, 1, 1, 1, generator=generator, device=generator.device).to(u.device)
    low, high = (math.log(v) for v in interpolate.SIGMA_RANGE)
    theta = torch.atan(torch.exp(low + (high - low) * uniform))
    flag = (torch.arange(n, device=u.device) < k).float().view(-1, 1, 1, 1)
    theta = torch.where(flag > 0, torch.full_like(theta, math.pi / 2), theta)
    cos, sin = torch.cos(theta), torch.sin(theta)
    y = (cos * u + sin * torch.randn(u.shape, generator=generator, device=generator.device).to(u.device)) * (1 - flag)
    d = interpolate.clean(residual, y, cond, theta, flag)
    error = lambda e: (s * e).square().mean((1, 2, 3))[:k]
    fraction = error(d - u) / (error(u) + 1e-5)  # of each sample's squared error that is left
    mean, gain_db = (hardness(error(u)) * fraction).mean(), -10 * torch.log10((error(d - u) + 1e-6) / (error(u) + 1e-6)).detach().mean()
    in_n = ((d - u) / sin)[k:].square().mean() if k < n else d.new_zeros(())  # N - N* = (D - u)/sin(theta)
    return in_n, mean, gain_db


def average(ema, module, decay):
    with torch.no_grad():
        for kept, new in zip(ema.state_dict().values(), module.state_dict().values()):
            kept.lerp_(new.float(), 1 - decay)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--task", choices=["interpolate", "denoise"], default="interpolate")
    ap.add_argument("--minutes", type=float, required=True)
    ap.add_argument("--cache", help="samples of make_cache.py; the denoiser can do without")
    ap.add_argument("--mean-share", type=float, default=MEAN_SHARE, help="of a batch, for the mean head; 1 for a polish of the default output")
    ap.add_argument("--out", required=True)
    ap.add_argument("--triplets", help="validation: keeps the best EMA by the one-step figure")
    ap.add_argument("--resume")
    ap.add_argument("--textures", help="denoise: photographs")
    ap.add_argument("--footage", help="denoise: validation, a few pictures and frames of it")
    ap.add_argument("--size", choices=["light", "full"], default="light", help="denoise")
    ap.add_argument("--patch", type=int, default=64, help="denoise: px, a multiple of 8")
    ap.add_argument("--workers", type=int, default=0, help="denoise: processes that prepare batches (a GPU's host: its cores)")
    ap.add_argument("--steps", type=int, default=10 ** 9, help="denoise: stop after so many, if time has not")
    ap.add_argument("--log-every", type=int, default=50, help="denoise: steps")
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--rate", type=float, default=6e-4)
    ap.add_argument("--without", nargs="*", default=[], choices=windows.INGREDIENTS, help="denoise: leave these out of the samples, to show what they are worth")
    ap.add_argument("--texture", type=float, default=0.0, help="denoise: weight of the loss of texture's energy, for a polish of finished weights")
    ap.add_argument("--ema", type=float, default=0.998, help="decay of the averaged weights a step, the ones that are exported")
    ap.add_argument("--validate", type=float, default=10, help="minutes between validations")
    ap.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    if args.task == "denoise":
        import train_denoise
        return train_denoise.run(args)
    if not args.cache:
        ap.error("--cache: these networks train on samples of make_cache.py")
    began = time.time()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(args.out, exist_ok=True)
    log = open(os.path.join(args.out, "log.jsonl"), "a", buffering=1)
    networks = torch.nn.ModuleDict({"synthesis": LightSynthesis(), "residual": LightResidual()}).to(device)
    if device == "cuda":
        networks = networks.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(networks).requires_grad_(False)
    optimiser = torch.optim.AdamW(networks.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    training = {"device": f"{device}, {args.threads} thread(s), {platform.machine()}", "task": args.task, "steps": 0, "samples": 0, "hours": 0.0, "seed": args.seed, "batch": args.batch,
                "data": "made scenes and shots, half each, as the product shows them", "date": time.strftime("%Y-%m-%d")}
    best = -math.inf
    if args.resume:
        saved = torch.load(args.resume, map_location=device)
        for name in networks:
            networks[name].load_state_dict(saved.get("weights", saved["ema"])[name])
            ema[name].load_state_dict(saved["ema"][name])
        if "optimiser" in saved:
            optimiser.load_state_dict(saved["optimiser"])
        training |= {k: saved["training"][k] for k in ("steps", "samples", "hours")}
    hours = training["hours"]
    samples = Samples(args.cache, args.seed + training["steps"])
    generator = torch.Generator().manual_seed(args.seed + training["steps"])
    triplets = None
    if args.triplets:
        from evaluate import Triplets
        triplets = Triplets(args.triplets, stride=2)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))

    def quick(module):
        def run(*inputs):
            with torch.autocast(device, torch.bfloat16, enabled=args.precision == "bf16"):
                return module(*inputs)
        return run

    def state(module):
        return {k: {n: p.detach().float().cpu().contiguous() for n, p in m.state_dict().items()} for k, m in module.items()}

    def save(name, **content):
        path = os.path.join(args.out, name)
        torch.save({"ema": state(ema), "training": dict(training), **content}, path + ".part")
        os.replace(path + ".part", path)

    def validate():
        nonlocal best
        at = time.time()
        model = copy.deepcopy(ema).cpu().eval()
        figures = triplets.score(model["synthesis"], model["residual"], steps=3)
        log.write(json.dumps({"validation": figures, "step": training["steps"], "minutes": round((time.time() - began) / 60, 1), "took_s": round(time.time() - at, 1)}) + "\n")
        if figures["one"] > best:
            best = figures["one"]
            save("best.pt", figures=figures)

    print(json.dumps({"start": runlog.settings(args), "device": device, "files": [len(k) for k in samples.kinds]}), file=log)
    synthesis, residual = quick(networks["synthesis"]), quick(networks["residual"])
    sums, since, last_log, last_validation = {}, 0, time.time(), time.time()
    start_step = training["steps"]
    while time.time() - began < 60 * args.minutes and not stop:
        progress = (time.time() - began) / (60 * args.minutes)
        warm = min(1.0, (training["steps"] - start_step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = args.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        batch = samples.batch(args.batch)
        x, truth = batch.x.to(device, non_blocking=True), batch.truth.to(device, non_blocking=True)
        t = x[:, 14:15, :1, :1]
        found = interpolate.base(synthesis, x)
        losses = {"base": base_loss(found.b, truth), "scale": scale_loss(found.b, found.scale, truth, t)}
        losses["denoise"], losses["mean"], gain_db = residual_losses(residual, found, truth, generator, args.mean_share)
        total = sum(v * (SCALE_WEIGHT if k == "scale" else 1) for k, v in losses.items())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        norms = [float(torch.nn.utils.clip_grad_norm_(m.parameters(), 2.0)) for m in networks.values()]
        if all(math.isfinite(n) for n in norms):
            optimiser.step()
        training["steps"] += 1
        training["samples"] += args.batch
        training["hours"] = round(hours + (time.time() - began) / 3600, 3)
        done = training["steps"] - start_step
        average(ema, networks, min(args.ema, (1 + done) / (20 + done)))
        with torch.no_grad():
            losses["one_gain_db"] = gain_db
            losses["base_db"] = -10 * torch.log10((found.b - truth).square().mean((1, 2, 3)) + 1e-7).mean()
            losses["average_db"] = -10 * torch.log10((0.5 * (x[:, 0:3] + x[:, 3:6]) - truth).square().mean((1, 2, 3)) + 1e-7).mean()
            losses["u2"] = ((truth - found.b) / found.s).square().mean()
        for key, value in list(losses.items()) + [(f"norm{i}", n) for i, n in enumerate(norms)]:
            sums[key] = sums.get(key, 0.0) + float(value)
        since += 1
        if since == 100:
            now = time.time()
            log.write(json.dumps({"step": training["steps"], "minutes": round((now - began) / 60, 2), "step_s": round((now - last_log) / since, 3), "lr": round(optimiser.param_groups[0]["lr"], 7),
                                  **{k: round(v / since, 4) for k, v in sums.items()}}) + "\n")
            sums, since, last_log = {}, 0, now
            if training["steps"] % 500 == 0:
                samples.rescan()
                save("last.pt", weights=state(networks), optimiser=optimiser.state_dict())
        if triplets and time.time() - last_validation > 60 * args.validate:
            validate()
            last_validation = last_log = time.time()
    save("last.pt", weights=state(networks), optimiser=optimiser.state_dict())
    if triplets:
        validate()


if __name__ == "__main__":
    main()
