"""Trains the denoiser (train.py --task denoise): clean material from windows.py, noise drawn on the training device, squared error of the posterior mean."""
import copy
import json
import math
import os
import platform
import signal
import time

import numpy as np
import torch

import denoise
import runlog
import windows

TYPICAL = 8.3e-4, 25 / 255, 1.42  # mean squared error of a good denoiser (FFDNet on stills) at a level, and the power of the level that it follows
EASY_POWER = 0.7  # 1 would weigh every sample alike, as a mean of PSNR does, 0 by its squared error
MASKED_SHARE = 0.5  # of a sample's loss, where pixels are masked
MASKED_ERROR = 1e-5, 0.01  # least and most mean squared error that is typical of them: what the neighbours leave in doubt, or nothing known


def typical_error(level):
    """What mean squared error to expect at noise of deviation `level`, tensor."""
    value, at, power = TYPICAL
    return torch.minimum(value * (level / at) ** power, level * level)


def losses(d, truth, sigma, mask):
    """(loss, decibels [N]) of D. Squared errors, each sample's divided by a geometric mean of itself (detached) and of what is typical at its level: the weights
    depend on nothing that a pixel's noise could bend, so D stays the posterior mean, and hard pictures weigh less than by plain L2, as in a mean of PSNR."""
    squared = (d - truth).square().mean(1, keepdim=True)
    over = lambda e, m: (e * m).sum((1, 2, 3)) / (m.sum((1, 2, 3)) + 1e-6)
    seen = 1 - mask
    error, hidden = over(squared, seen), over(squared, mask)
    level = torch.sqrt(over(sigma[:, denoise.CENTRE].clamp(max=1).square().mean(1, keepdim=True), seen)).clamp(min=0.05 / 255)
    relative = lambda e, t: e / ((e.detach() + 0.02 * t) ** EASY_POWER * t ** (1 - EASY_POWER))
    loss = relative(error, typical_error(level)) * (seen.mean((1, 2, 3)) > 0.02)
    doubt = over(sigma[:, denoise.CENTRE].square().mean(1, keepdim=True), mask).clamp(*MASKED_ERROR)
    loss = loss + MASKED_SHARE * relative(hidden, doubt) * (mask.sum((1, 2, 3)) > 0)
    return loss.mean(), -10 * torch.log10(error.detach() + 1e-9)


TEXTURE_BOXES = 5, 9  # px: what is detail, and where its energy is measured


def texture_loss(d, truth, sigma, mask):
    """How much the local energy of detail (root mean square in a box of what a smaller box leaves) misses the truth's, in units of the noise: a posterior mean is smoother
    than what it is the mean of. Not a proper score: it bends D away from the posterior mean, so it is for a short polish."""
    from motion import box

    fine, wide = TEXTURE_BOXES
    energy = lambda x: torch.sqrt(box((x - box(x, fine)).square(), wide) + 1e-6)
    level = sigma[:, denoise.CENTRE].clamp(1 / 255, 1)
    seen = 1 - mask
    return ((energy(d) - energy(truth)).abs() / level * seen).mean()


def run(args):
    began = time.time()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(args.out, exist_ok=True)
    log = open(os.path.join(args.out, "log.jsonl"), "a", buffering=1)
    network = denoise.make(args.size).to(device)
    if device == "cuda":
        network = network.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    training = {"device": f"{device}, {args.threads} thread(s), {platform.machine()}", "task": "denoise", "size": args.size, "steps": 0, "samples": 0, "hours": 0.0, "seed": args.seed,
                "batch": args.batch, "patch": args.patch, "data": "photographs, made scenes over them and shots (windows.py); noise drawn anew (degrade.py); credits in models/training/DATA.md", "date": time.strftime("%Y-%m-%d")}
    if args.resume:
        saved = torch.load(args.resume, map_location=device)
        network.load_state_dict(denoise.extended(saved.get("weights", saved["ema"]), network))
        ema.load_state_dict(denoise.extended(saved["ema"], network))
        same = all(saved["ema"][k].shape == v.shape for k, v in network.state_dict().items() if k in saved["ema"])
        if "optimiser" in saved and same:
            optimiser.load_state_dict(saved["optimiser"])
        training |= {k: saved["training"][k] for k in ("steps", "samples", "hours")}
    hours, start_step = training["hours"], training["steps"]
    samples = windows.Samples(args.cache, args.textures, [args.seed, start_step], args.patch, args.batch, args.without)
    print(json.dumps({"start": runlog.settings(args), "device": device, "photographs": len(samples.textures.pictures), "windows": [len(f) for f in samples.files]}), file=log)
    rng = np.random.default_rng([args.seed, start_step, 1])
    generator = torch.Generator(device).manual_seed(args.seed + start_step)
    if args.workers:
        def reseed(k):
            torch.set_num_threads(1)
            samples = torch.utils.data.get_worker_info().dataset.samples
            samples.rng = np.random.default_rng([args.seed, start_step, 2, k])
        feed = iter(torch.utils.data.DataLoader(Endless(samples), batch_size=None, num_workers=args.workers, worker_init_fn=reseed, pin_memory=device == "cuda", prefetch_factor=4))
    else:
        feed = iter(samples)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))

    def state(module, dtype=torch.float32):
        return {n: p.detach().to(dtype).cpu().contiguous() for n, p in module.state_dict().items()}

    def save(name, **content):
        path = os.path.join(args.out, name)
        torch.save({"ema": state(ema), "training": dict(training), **content}, path + ".part")
        os.replace(path + ".part", path)

    def validate():
        from evaluate_denoise import score
        at = time.time()
        figures = score(copy.deepcopy(ema).cpu().eval(), args.footage, quick=True)
        log.write(json.dumps({"validation": figures, "step": training["steps"], "minutes": round((time.time() - began) / 60, 1), "took_s": round(time.time() - at, 1)}) + "\n")

    sums, since, last_log, last_save, last_validation, waited = {}, 0, time.time(), time.time(), time.time(), 0.0
    while time.time() - began < 60 * args.minutes and training["steps"] - start_step < args.steps and not stop:
        done = training["steps"] - start_step
        progress = max((time.time() - began) / (60 * args.minutes), done / args.steps)
        rate = args.rate * min(1.0, (done + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        at = time.time()
        batch = next(feed).to(device)
        with torch.no_grad():
            frames, sigma, grain, truth, mask = windows.observe(batch, rng, generator, args.without)
            if device == "cuda":
                frames, sigma = (v.to(memory_format=torch.channels_last) for v in (frames, sigma))
        waited += time.time() - at
        with torch.autocast(device, torch.bfloat16, enabled=args.precision == "bf16"):
            d = network(frames, sigma, grain)
        loss, decibels = losses(d, truth, sigma, mask)
        if args.texture:
            loss = loss + args.texture * texture_loss(d, truth, sigma, mask)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0))
        if math.isfinite(norm):
            optimiser.step()
        training["steps"] += 1
        training["samples"] += args.batch
        training["hours"] = round(hours + (time.time() - began) / 3600, 3)
        decay = min(args.ema, (1 + done) / (20 + done))
        with torch.no_grad():
            for kept, new in zip(ema.state_dict().values(), network.state_dict().values()):
                kept.lerp_(new, 1 - decay)
        alone = len(batch.alone)
        for key, value in {"loss": loss, "alone_db": decibels[:alone].mean() if alone else 0, "several_db": decibels[alone:].mean(), "norm": norm}.items():
            sums[key] = sums.get(key, 0.0) + float(value)
        since += 1
        if since == args.log_every:
            now = time.time()
            log.write(json.dumps({"step": training["steps"], "minutes": round((now - began) / 60, 2), "step_s": round((now - last_log) / since, 3), "feed_s": round(waited / since, 3),
                                  "samples_s": round(since * args.batch / (now - last_log), 1), "lr": round(rate, 7), **{k: round(v / since, 4) for k, v in sums.items()}}) + "\n")
            sums, since, last_log, waited = {}, 0, now, 0.0
        if time.time() - last_save > 180:
            samples.rescan()
            save("last.pt", weights=state(network), optimiser=optimiser.state_dict())
            last_save = time.time()
        if args.footage and time.time() - last_validation > 60 * args.validate:
            validate()
            last_validation = last_log = time.time()
    save("last.pt", weights=state(network), optimiser=optimiser.state_dict())
    if args.footage:
        validate()


class Endless(torch.utils.data.IterableDataset):
    """Samples for a DataLoader's workers: each draws its own batches."""

    def __init__(self, samples):
        self.samples = samples

    def __iter__(self):
        return iter(self.samples)
