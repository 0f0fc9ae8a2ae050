#!/usr/bin/env python3
"""Trains the `full` model in stages, samples made on the device that trains; stops by itself. GPU.md is the runbook.

  train_full.py --stage flow|joint|residual --minutes 9 --out DIR [--start DIR] [--resume DIR/last.pt] [--textures DIR] [--shots DIR] [--triplets DIR]

flow: the flow alone: its error against true flow at every level, and the plain average along it against the true frame. joint: flow (at a quarter of the rate) and synthesis.
residual: the denoiser alone, the others frozen. Written to --out: <name>.pt (EMA of one network each, what travels; those of the best validation in best/), last.pt (everything
that resuming needs, exact), log.jsonl. A step's data and noise are functions of (seed, step). SIGTERM ends as time's end does, after the step under way.
The rate warms up, then falls as a cosine over --steps where given, else over --minutes.
"""
import argparse
import copy
import json
import math
import os
import platform
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

import full
import interpolate
import runlog
from device_scenes import Bank, Scenes
from device_shots import Shots
from evaluate_full import Held
from train import SCALE_WEIGHT, base_loss, residual_losses, scale_loss

STAGES = {"flow": ("flow",), "joint": ("flow", "synthesis"), "residual": ("residual",)}
FINETUNE = 0.25  # of the rate, for the flow in the joint stage
FLOW_POWER = 0.7  # of the end-point error: below 1, since beyond a few px a larger error costs the picture no more (Sun 2018)
FLOW_KNEE = 0.1  # px
TEACHER_KNEE = 3.0  # px, where the teacher's loss turns from quadratic to linear
LEVEL_DECAY = 0.8  # weight of an estimate against the next (RAFT)
HIDDEN_WEIGHT = 0.3  # of true flow where its surface is hidden in the other frame
PHOTOMETRIC_WEIGHT, SUPERVISION_WEIGHT = 0.3, 0.2
PHOTOMETRIC_RAMP = 2000  # steps of the flow over which the pictures get their say: earlier they drown true flow (one batch, 60 steps: error 2.5 -> 1.2 px without them, none gained with)
WARM_UP = 200  # steps
CLIP = 2.0


def teacher_loss(flow, taught, better):
    """Huber loss to true motion [N,4,h,w] px, where `better` [N,2,h,w] trusts it: quadratic, so that a likely direction pulls although the likeliest is none."""
    error = F.huber_loss(flow, taught, reduction="none", delta=TEACHER_KNEE) / TEACHER_KNEE
    weight = better.repeat_interleave(2, 1)
    return (weight * error).sum() / (weight.sum() + 0.05 * weight.numel())


def end_point_loss(estimates, flow, weight):
    """Mean |error|^FLOW_POWER of all estimates against true flow [2N,2,H,W] px, in px, later ones weighing more."""
    total, scale = 0.0, 0.0
    for k, (estimate, stride) in enumerate(estimates):
        w = F.avg_pool2d(weight, stride) if stride > 1 else weight
        target = F.avg_pool2d(flow * weight, stride) / (w + 1e-6) if stride > 1 else flow
        squared = (stride * estimate - target).square().sum(1, keepdim=True)
        share = LEVEL_DECAY ** (len(estimates) - 1 - k)
        total = total + share * (w * (squared + FLOW_KNEE ** 2) ** (FLOW_POWER / 2)).sum() / (w.sum() + 1e-6)
        scale += share
    return total / scale


def census_loss(a, b):
    """Soft census distance (Meister 2018) of two pictures over 3x3 neighbourhoods 1 and 3 px wide: unmoved by exposure. Scalar in 0..1."""
    a, b = a.mean(1, keepdim=True) * 255, b.mean(1, keepdim=True) * 255
    total = 0.0
    for reach in (1, 3):
        inner = lambda f: f[:, :, reach:-reach, reach:-reach]
        for y in (0, reach, 2 * reach):
            for x in (0, reach, 2 * reach):
                if x == reach and y == reach:
                    continue
                signs = []
                for f in (a, b):
                    d = f[:, :, y:y + f.shape[2] - 2 * reach, x:x + f.shape[3] - 2 * reach] - inner(f)
                    signs.append(d / torch.sqrt(0.81 + d * d))
                squared = (signs[0] - signs[1]).square()
                total = total + (squared / (0.1 + squared)).mean() / 16
    return total


def photometric_loss(b, truth, mask):
    """base_loss and census of b against the true frame, where mask [N,1,H,W] is 1."""
    b = truth + mask * (b - truth)
    return base_loss(b, truth) + census_loss(b, truth)


class Trainer:
    """Networks, their averages and optimiser for one stage, and a step of it."""

    def __init__(self, stage, made, shots=None, *, device="cpu", width=128, rate=4e-4, batch=32, sizes=(256,), share=0.25, ema=0.999, precision="fp32", seed=0, start=None, compiled=False):
        torch.manual_seed(seed)
        self.stage, self.made, self.shots, self.device, self.seed = stage, made, shots, device, seed
        self.rate, self.batch, self.sizes, self.share, self.decay, self.precision = rate, batch, sizes, share, ema, precision
        self.networks = full.networks(width)
        self.training = {name: {"steps": 0, "samples": 0, "hours": 0.0} for name in full.NAMES}
        if start:
            for name, saved in full.load(self.networks, start).items():
                self.training[name] |= saved.get("training", {})
        if stage == "joint" and not self.training["synthesis"]["steps"]:
            with torch.no_grad():  # a head at zero lets no gradient into the trunk: begin a little off it (README.md, --wake)
                self.networks["synthesis"].body.exit.weight[:16].normal_(0, 0.005)
        self.networks = self.networks.to(device)
        if device == "cuda":
            self.networks = self.networks.to(memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.networks).requires_grad_(False).eval()
        self.trained = STAGES[stage]
        for name, module in self.networks.items():
            module.requires_grad_(name in self.trained)
        groups = [{"params": list(self.networks[n].parameters()), "share": FINETUNE if (stage, n) == ("joint", "flow") else 1.0} for n in self.trained]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), weight_decay=1e-4, **({"fused": True} if device == "cuda" else {}))
        self.step_count = 0
        self.estimates = torch.compile(self.networks["flow"].estimates) if compiled else self.networks["flow"].estimates
        self.clock = {"made": [], "shot": [], "train": []}
        self.samples = {"made": 0, "shot": 0, "train": 0}

    def timed(self, kind, count, function):
        """Runs function; its device time and sample count join the clock's."""
        if self.device == "cuda":
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            first.record()
            out = function()
            last.record()
            self.clock[kind].append((first, last))
        else:
            began = time.perf_counter()
            out = function()
            self.clock[kind].append(time.perf_counter() - began)
        self.samples[kind] += count
        return out

    def rates(self):
        """Samples a second by kind since the last call (device time where there is one)."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        length = (lambda e: e[0].elapsed_time(e[1]) / 1e3) if self.device == "cuda" else (lambda e: e)
        seconds = {k: sum(map(length, v)) for k, v in self.clock.items()}
        rates = {k + "_per_s": round(self.samples[k] / s, 1) for k, s in seconds.items() if s}
        self.clock, self.samples = {k: [] for k in self.clock}, {k: 0 for k in self.samples}
        return rates

    def autocast(self):
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    def run(self, name):
        """A network under autocast."""
        def run(*inputs):
            with self.autocast():
                return self.networks[name](*inputs)
        return run

    def ramp(self):
        """Share 0..1 of their weight that pictures have in teaching the flow; real shots, which teach by nothing else, are drawn in proportion."""
        return min(1.0, self.training["flow"]["steps"] / PHOTOMETRIC_RAMP) if self.stage == "flow" else 1.0

    def draw(self):
        """(frame0, frame1, truth, t, Made or None) of this step."""
        rng = np.random.default_rng([self.seed, self.step_count, 11])
        size = int(self.sizes[rng.integers(len(self.sizes))])
        n = max(1, round(self.batch * max(self.sizes) ** 2 / size ** 2)) if len(self.sizes) > 1 else self.batch
        if self.shots and rng.random() < self.share * self.ramp():
            size = min(size, 256)
            wide = (192 if size >= 192 else size, size)  # many shots are 200 px high
            return *self.timed("shot", n, lambda: self.shots.batch(self.step_count, n, *wide)), None
        made = self.timed("made", n, lambda: self.made.batch(self.step_count, n, size, size))
        return made.frame0, made.frame1, made.truth, made.t, made

    def losses(self, frame0, frame1, truth, t, made):
        """The stage's losses by name, weighted, and figures to log that are no losses."""
        n = frame0.shape[0]
        losses, figures = {}, {}
        if self.stage == "residual":
            with torch.no_grad():
                x = full.synthesis_input(frame0, frame1, *full.find_flow(self.run("flow"), frame0, frame1), t)
                found = interpolate.base(self.run("synthesis"), x, frame0, frame1)
            noise = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + self.step_count)
            losses["denoise"], losses["mean"], figures["one_gain_db"] = residual_losses(self.run("residual"), found, truth, noise)
            figures["u2"] = ((truth - found.b) / found.s).square().mean()
            return losses, figures | self.decibels(x, found.b, truth)
        with self.autocast():
            estimates = self.estimates(frame0, frame1)
        f01, f10 = estimates[-1][0].float().chunk(2)
        if made is not None:
            visible = lambda seen, sure: sure * (HIDDEN_WEIGHT + (1 - HIDDEN_WEIGHT) * seen)
            weight = torch.cat((visible(made.seen01, made.sure0), visible(made.seen10, made.sure1)))
            true = torch.cat((made.f01, made.f10))
            losses["flow"] = end_point_loss(estimates, true, weight) * (1.0 if self.stage == "flow" else SUPERVISION_WEIGHT)
            figures["epe_px"] = (weight * (estimates[-1][0] - true).norm(dim=1, keepdim=True)).sum().detach() / weight.sum()
        part = slice(None) if made is None or self.stage == "joint" else slice(0, max(1, n // 2))  # true flow teaches more than the picture does
        x = full.synthesis_input(frame0[part], frame1[part], f01[part], f10[part], t[part])
        seen = torch.ones_like(x[:, :1]) if made is None else (made.seent0 * made.seent1 * made.suret)[part]
        losses["photometric"] = self.ramp() * PHOTOMETRIC_WEIGHT * photometric_loss(full.average(x), truth[part], seen)
        if self.stage == "flow":
            return losses, figures | self.decibels(x, None, truth[part], frame0[part], frame1[part])
        found = interpolate.base(self.run("synthesis"), x, frame0, frame1)
        losses["base"], losses["scale"] = base_loss(found.b, truth), SCALE_WEIGHT * scale_loss(found.b, found.scale, truth, t)
        if made is not None:
            losses["teacher"] = SUPERVISION_WEIGHT * teacher_loss(found.flow, torch.cat((made.ft0, made.ft1), 1), torch.cat((made.seent0, made.seent1), 1) * made.suret)
        figures["u2"] = ((truth - found.b) / found.s).square().mean()
        return losses, figures | self.decibels(x, found.b, truth, frame0, frame1)

    @torch.no_grad()
    def decibels(self, x, b, truth, frame0=None, frame1=None):
        """Mean PSNR of the plain average, of the base and of no motion at all."""
        level = lambda f: -10 * torch.log10((f - truth).square().mean((1, 2, 3)) + 1e-7).mean()
        out = {"average_db": level(full.average(x))}
        if b is not None:
            out["base_db"] = level(b)
        if frame0 is not None:
            out["still_db"] = level((frame0 + frame1) / 2)
        return out

    def step(self, progress):
        """One step at `progress` 0..1 of the schedule; gives losses, figures and the gradient's norm as tensors that stay on the device."""
        rate = self.rate * min(1.0, (self.step_count + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        sample = self.draw()
        if self.device == "cuda":
            sample = tuple(s.contiguous(memory_format=torch.channels_last) if torch.is_tensor(s) and s.shape[1] == 3 else s for s in sample)
        parameters = [p for g in self.optimiser.param_groups for p in g["params"]]

        def learn():
            losses, figures = self.losses(*sample)
            self.optimiser.zero_grad(set_to_none=True)
            sum(losses.values()).backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            for p in parameters:  # a gradient that is not finite counts as none, without waiting for the device
                if p.grad is not None:
                    p.grad.nan_to_num_(0.0, 0.0, 0.0)
            self.optimiser.step()
            self.follow()
            return losses, figures, norm

        losses, figures, norm = self.timed("train", sample[0].shape[0], learn)
        self.step_count += 1
        for name in self.trained:
            self.training[name]["steps"] += 1
            self.training[name]["samples"] += sample[0].shape[0]
        return {k: v.detach() for k, v in (losses | figures | {"norm": norm}).items()}

    @torch.no_grad()
    def follow(self):
        """The averaged weights take their step."""
        decay = min(self.decay, (1 + self.step_count) / (20 + self.step_count))
        for name in self.trained:
            kept, new = list(self.ema[name].parameters()), list(self.networks[name].parameters())
            torch._foreach_mul_(kept, decay)
            torch._foreach_add_(kept, new, alpha=1 - decay)

    def state(self):
        """What `restore` needs to go on as if never stopped."""
        plain = lambda modules: {n: {k: v.detach().cpu().contiguous() for k, v in modules[n].state_dict().items()} for n in self.trained}
        return {"stage": self.stage, "step": self.step_count, "weights": plain(self.networks), "ema": plain(self.ema), "optimiser": self.optimiser.state_dict(), "training": copy.deepcopy(self.training)}

    def restore(self, saved):
        if saved["stage"] != self.stage:
            raise SystemExit(f"the checkpoint is of stage {saved['stage']}, not {self.stage}: give its folder to --start instead of --resume")
        for name in self.trained:
            self.networks[name].load_state_dict(saved["weights"][name])
            self.ema[name].load_state_dict(saved["ema"][name])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step_count, self.training = saved["step"], saved["training"]

    def save(self, folder, **content):
        """<name>.pt of every network that is trained here or came trained, each complete before it takes its name."""
        os.makedirs(folder, exist_ok=True)
        for name in full.NAMES:
            if self.training[name]["steps"]:
                ema = {k: v.detach().float().cpu().contiguous() for k, v in self.ema[name].state_dict().items()}
                write({"ema": ema, "training": dict(self.training[name]), **content}, os.path.join(folder, name + ".pt"))


def write(content, path):
    torch.save(content, path + ".part")
    os.replace(path + ".part", path)


@torch.no_grad()
def made_figures(trainer, scenes, batches=4):
    """End-point error of the averaged flow on made scenes that training never draws, by length of the true motion, where the surface is seen in both frames."""
    errors, lengths = [], []
    for k in range(batches):
        made = scenes.batch(k, 16 if trainer.device == "cuda" else 2, max(trainer.sizes), max(trainer.sizes))
        with trainer.autocast():
            f01, _ = trainer.ema["flow"](made.frame0, made.frame1)
        kept = (made.seen01 * (made.sure0 > 0.9)).bool()[:, 0]
        errors.append((f01.float() - made.f01).norm(dim=1)[kept])
        lengths.append(made.f01.norm(dim=1)[kept])
    error, length = torch.cat(errors), torch.cat(lengths)
    out = {"epe": round(float(error.mean()), 3), "zero_epe": round(float(length.mean()), 3), "over_1px": round(float((error > 1).float().mean()), 3)}
    for low, high in ((0, 4), (4, 16), (16, 1e9)):
        inside = (length >= low) & (length < high)
        if inside.any():
            out[f"epe_{low}" + (f"_{high}" if high < 1e9 else "_up")] = round(float(error[inside].mean()), 3)
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--stage", choices=list(STAGES), required=True)
    ap.add_argument("--minutes", type=float, required=True, help="from the process's start to the last step; loading, the last validation and writing come on top (about 20 s on a GPU)")
    ap.add_argument("--steps", type=int, help="the schedule's length in steps, and a bound: with it a run that was stopped and resumed equals one that was not")
    ap.add_argument("--out", required=True)
    ap.add_argument("--start", help="folder of <name>.pt to begin from")
    ap.add_argument("--resume", help="last.pt of the same stage")
    ap.add_argument("--textures", help="folder of photographs; without it made textures alone")
    ap.add_argument("--shots", help="folder of video files, for a share of the steps")
    ap.add_argument("--triplets", help="validation; keeps the best EMA in best/")
    ap.add_argument("--batch", type=int, default=32)
    ap.add_argument("--sizes", type=int, nargs="+", default=[256], help="px, multiples of 32; with several, the batch of smaller ones grows")
    ap.add_argument("--share", type=float, default=0.25, help="of steps on real shots")
    ap.add_argument("--largest", type=float, default=0.25, help="motion, share of the width")
    ap.add_argument("--rate", type=float, default=4e-4)
    ap.add_argument("--ema", type=float, default=0.999)
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--validate", type=float, default=2, help="minutes between validations")
    ap.add_argument("--log", type=int, default=50, help="steps between lines of the log")
    ap.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    ap.add_argument("--compile", action="store_true", help="torch.compile the flow network; where that fails, go on without")
    ap.add_argument("--made", type=int, default=256, help="procedural textures")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--workers", type=int, default=0, help="processes that decode and make textures at the start; 0: all cores on a GPU machine, else one")
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    if any(size % 32 or size < 64 for size in args.sizes):
        raise SystemExit(f"--sizes {args.sizes}: give multiples of 32 from 64")
    if args.resume and not os.path.exists(args.resume):
        raise SystemExit(f"{args.resume} does not exist")
    began = time.time()
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    os.makedirs(args.out, exist_ok=True)
    log = open(os.path.join(args.out, "log.jsonl"), "a", buffering=1)

    def tell(line):
        log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    workers = args.workers or (os.cpu_count() if device == "cuda" else 1)
    bank = Bank(args.textures, made=args.made, masks=2 * args.made, seed=args.seed, device=device, workers=workers)
    shots = Shots(args.shots, device, args.seed) if args.shots else None
    held = Held(args.triplets) if args.triplets else None
    made = Scenes(bank, args.seed, args.largest)
    check = Scenes(bank, args.seed + 987_654_321, args.largest)
    options = {"device": device, "width": args.width, "rate": args.rate, "batch": args.batch, "sizes": args.sizes, "share": args.share, "ema": args.ema, "precision": args.precision, "seed": args.seed, "start": args.start}
    trainer = Trainer(args.stage, made, shots, compiled=args.compile, **options)
    missing = [n for n in full.NAMES[:list(STAGES).index(args.stage)] if not trainer.training[n]["steps"]]
    if missing and not args.resume:
        raise SystemExit(f"stage {args.stage} builds on {' and '.join(missing)}: --start must name a folder with {', '.join(m + '.pt' for m in missing)}")
    if args.resume:
        trainer.restore(torch.load(args.resume, map_location=device))
    name = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {args.threads} thread(s), {platform.machine()}"
    for k in trainer.trained:
        trainer.training[k] |= {"device": name, "date": time.strftime("%Y-%m-%d"), "data": f"made on the device from {bank.photographs} photograph tiles and {args.made} made textures" + (f", shots {args.share:g}" if shots else "")}
    hours = {k: trainer.training[k]["hours"] for k in trainer.trained}
    tell({"start": runlog.settings(args), "device": name, "torch": torch.__version__, "tiles": list(bank.textures.shape), "shots": len(shots.frames) if shots else 0, "loaded_s": round(time.time() - began, 1),
          "step": trainer.step_count, "parameters": {k: sum(p.numel() for p in m.parameters()) for k, m in trainer.networks.items()}})
    best, sums, since = -math.inf, {}, 0
    last_log = last_validation = time.time()

    def validate():
        nonlocal best
        at = time.time()
        ema = trainer.ema
        line = {"step": trainer.step_count, "minutes": round((at - began) / 60, 2)}
        if args.stage != "residual":
            line["made"] = made_figures(trainer, check)
        if held:
            given = [ema["flow"], ema["synthesis"] if args.stage != "flow" else None, ema["residual"] if args.stage == "residual" else None]
            line["validation"] = held.score(*given, steps=3 if args.stage == "residual" else 0)
            if line["validation"]["psnr"] > best:
                best = line["validation"]["psnr"]
                trainer.save(os.path.join(args.out, "best"), figures=line["validation"])
        tell(line | {"took_s": round(time.time() - at, 1)})

    while time.time() - began < 60 * args.minutes and not stop and not (args.steps and trainer.step_count >= args.steps):
        progress = trainer.step_count / args.steps if args.steps else (time.time() - began) / (60 * args.minutes)
        try:
            values = trainer.step(progress)
        except Exception as error:  # what torch.compile raises has no common type
            if not args.compile or trainer.estimates == trainer.networks["flow"].estimates:
                raise
            tell({"compile": f"failed, going on without: {type(error).__name__}: {str(error)[:300]}"})
            trainer.estimates = trainer.networks["flow"].estimates
            continue
        for k, v in values.items():
            sums.setdefault(k, []).append(v)
        since += 1
        for k in trainer.trained:
            trainer.training[k]["hours"] = round(hours[k] + (time.time() - began) / 3600, 4)
        if since == args.log:
            rates = trainer.rates()
            now = time.time()
            memory = {"memory_gib": round(torch.cuda.max_memory_allocated() / 2 ** 30, 2)} if device == "cuda" else {}
            tell({"step": trainer.step_count, "minutes": round((now - began) / 60, 2), "steps_per_s": round(since / (now - last_log), 3), **rates, **memory,
                  "lr": round(trainer.optimiser.param_groups[-1]["lr"], 7), **{k: round(float(torch.stack(v).mean()), 4) for k, v in sums.items()}})
            sums, since, last_log = {}, 0, now
        if time.time() - last_validation > 60 * args.validate:
            validate()
            write(trainer.state(), os.path.join(args.out, "last.pt"))
            last_validation = last_log = time.time()
            trainer.rates()
    write(trainer.state(), os.path.join(args.out, "last.pt"))
    trainer.save(args.out)
    validate()
    tell({"end": "SIGTERM" if stop else "done", "step": trainer.step_count, "minutes": round((time.time() - began) / 60, 2)})


if __name__ == "__main__":
    main()
