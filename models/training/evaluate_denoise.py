#!/usr/bin/env python3
"""Scores the denoiser on footage as the project's peers are scored (white noise of seed 20240, clipped to 8 bits; 8-bit RGB, no border, mean over items).

  evaluate_denoise.py --footage DIR --checkpoint denoise-light.pt [--json figures.json] [--pictures DIR] [--quick]

stills: pictures alone; clips: five frames, neighbours aligned by align.py on the noisy frames (at a clip's ends the missing neighbours are unknown; `filled`:
frames further on the other side take their places).
realnoise_pairs: sigma(u) and correlations are found blind from the noisy picture alone, in the same way for every picture; ffmpeg's bm3d, where it is
installed, gets the root mean square of the same sigma.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess

import cv2
import numpy as np
import torch

import align
import degrade
import denoise
from evaluate import aligned, psnr, ssim

SIGMAS = (15, 25, 50)


def read(path):
    return np.ascontiguousarray(cv2.imread(path)[:, :, ::-1])


def noisy_of(clean, sigma):
    """The pictures with the peers' noise, uint8."""
    return [np.clip(np.rint(c.astype(np.float32) + np.random.default_rng([20240, int(sigma), i]).normal(0, sigma, c.shape).astype(np.float32)), 0, 255).astype(np.uint8)
            for i, c in enumerate(clean)]


def tensor(picture):
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float()


@torch.no_grad()
def apply(network, frames, sigmas, grain=None, mode="bicubic"):
    """The centre, denoised, uint8: five float frames [H,W,3] 0..1 (None: missing; the third is the centre) with sigma (scalar or [H,W,3]) of each."""
    centre = frames[2]
    inputs = []
    for k, frame in enumerate(frames):
        if frame is None:
            inputs.append((np.zeros_like(centre), np.full_like(centre, denoise.UNKNOWN)))
        elif k == 2:
            inputs.append((frame, np.broadcast_to(np.asarray(sigmas, np.float32), centre.shape)))
        else:
            inputs.append(align.align(centre, frame, sigmas, mode))
    x, s = (torch.cat([tensor(i[j]) for i in inputs], 1) for j in (0, 1))
    run = aligned(lambda f, s: network(f, s, torch.zeros(1, 4) if grain is None else grain))
    return run(x, s)[0].clamp(0, 1).mul(255).round().byte().numpy().transpose(1, 2, 0)


def neighbours(i, count, radius=2, fill=False):
    """Indices of the five frames for frame i of `count`, None where missing; `fill` puts the next further frames of the other side there."""
    found = [i + k if 0 <= i + k < count and abs(k) <= radius else None for k in range(-2, 3)]
    spare = sorted((j for j in range(count) if j not in found and abs(j - i) <= 4), key=lambda j: abs(j - i)) if fill else []
    for slot in (1, 3, 0, 4):
        if found[slot] is None and spare:
            found[slot] = spare.pop(0)
    return found


def denoise_clip(network, noisy, sigma, radius=2, fill=False, mode="bicubic", only=None):
    """Every frame of a clip (uint8) from up to `radius` neighbours a side; `fill` as in `neighbours`."""
    frames = [f.astype(np.float32) / 255 for f in noisy]
    return [apply(network, [None if j is None else frames[j] for j in neighbours(i, len(frames), radius, fill)], sigma / 255, mode=mode) for i in (only or range(len(frames)))]


def blind(picture, size=16, share=0.1, bins=4):
    """Noise of a picture alone (float 0..1) -> sigma [H,W,3], grain [1,4]: deviation about a plane of the least busy blocks by intensity, and their correlations.
    Rough, for scoring pictures alone; a high-pass would miss most of correlated noise. The pipeline's own uses neighbours."""
    height, width = picture.shape[:2]
    h, w = height // size * size, width // size * size
    blocks = picture[:h, :w].reshape(h // size, size, w // size, size, 3).swapaxes(1, 2).reshape(-1, size * size, 3)
    y, x = np.mgrid[0:size, 0:size].reshape(2, -1) - (size - 1) / 2
    basis = np.stack((np.ones_like(x), x, y), 1)
    basis = (basis / np.linalg.norm(basis, axis=0)).astype(np.float32)
    r = blocks - basis @ (basis.T @ blocks)
    u, deviation = blocks.mean(1), r.std(1)
    smooth, sigma, chosen = cv2.GaussianBlur(picture, (0, 0), 2.0), np.empty_like(picture), np.zeros(len(r), bool)
    for c in range(3):
        edges = np.quantile(u[:, c], np.linspace(0, 1, bins + 1))
        levels, centres = [], []
        for a, b in zip(edges, edges[1:]):
            inside = (u[:, c] >= a) & (u[:, c] <= b) & (deviation[:, c] > 0)
            quiet = inside & (deviation[:, c] <= np.quantile(deviation[inside, c], share)) if inside.any() else inside
            if quiet.any():
                chosen |= quiet
                levels.append(np.sqrt((deviation[quiet, c] ** 2).mean()))
                centres.append(u[quiet, c].mean())
        order = np.argsort(centres)
        sigma[..., c] = np.interp(smooth[..., c], np.array(centres)[order], np.array(levels)[order]) if levels else 1 / 255
    q = r[chosen].reshape(-1, size, size, 3) if chosen.any() else np.ones((1, size, size, 3), np.float32)
    lag = lambda a, b: float(np.clip((a * b).mean() / (q * q).mean(), 0, 0.8))
    diagonal = 0.5 * (lag(q[:, 1:, 1:], q[:, :-1, :-1]) + lag(q[:, 1:, :-1], q[:, :-1, 1:]))
    normal = q / (q.std((0, 1, 2)) + 1e-6)
    chroma = float(np.clip(np.mean([(normal[..., i] * normal[..., j]).mean() for i, j in ((0, 1), (0, 2), (1, 2))]), 0, 1))
    return np.maximum(sigma, 0.3 / 255).astype(np.float32), torch.tensor([[lag(q[:, :, 1:], q[:, :, :-1]), lag(q[:, 1:], q[:, :-1]), diagonal, chroma]])


def bm3d(picture, sigma):
    """ffmpeg's bm3d of an uint8 picture with the peers' settings (tools/peers.py); sigma in 1/255."""
    height, width = picture.shape[:2]
    scale = "scale=flags=accurate_rnd+full_chroma_int"
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "-", "-filter_complex",
                          f"[0:v]{scale},format=yuv444p,bm3d=sigma={2.4 * sigma}:block=4:bstep=2:group=1:estim=basic,{scale},format=rgb24", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         input=picture.tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(run.stdout, np.uint8).reshape(height, width, 3)


def score(network, footage, quick=False, pictures=None, sigmas=SIGMAS):
    """Figures by set and sigma; `quick`: a few items, a minute. With `pictures`, every output goes there."""
    figures = {}

    def put(name, sigma, outs, clean, names):
        figures[f"{name}_{sigma}"] = round(float(np.mean([psnr(o, c) for o, c in zip(outs, clean)])), 3)
        if not quick:
            figures[f"{name}_{sigma}_ssim"] = round(float(np.mean([ssim(o, c) for o, c in zip(outs, clean)])), 4)
        if pictures:
            os.makedirs(f"{pictures}/{name}_{sigma}", exist_ok=True)
            for o, n in zip(outs, names):
                cv2.imwrite(f"{pictures}/{name}_{sigma}/{n}.png", o[:, :, ::-1])

    paths = sorted(glob.glob(os.path.join(footage, "stills", "clean", "*.png")))
    clean, names = [read(p) for p in paths], [os.path.basename(p)[:-4] for p in paths]
    for sigma in ((15, 25) if quick else sigmas):
        noisy = noisy_of(clean, sigma)
        pick = range(0, len(clean), 4) if quick else range(len(clean))
        outs = [apply(network, [None, None, noisy[i].astype(np.float32) / 255, None, None], sigma / 255) for i in pick]
        put("stills", sigma, outs, [clean[i] for i in pick], [names[i] for i in pick])
    for clip in sorted(glob.glob(os.path.join(footage, "denoise_clips", "*", ""))):
        clean = [read(p) for p in sorted(glob.glob(clip + "*.png"))]
        name = os.path.basename(clip[:-1])
        for sigma in ((15, 25) if quick else sigmas):
            only = [3] if quick else None
            outs = denoise_clip(network, noisy_of(clean, sigma), sigma, only=only)
            put(name, sigma, outs, [clean[i] for i in only or range(len(clean))], [f"{i + 1:02d}" for i in only or range(len(clean))])
            if not quick:
                for kind, options in (("_alone", dict(radius=0)), ("_filled", dict(fill=True))):
                    put(name + kind, sigma, denoise_clip(network, noisy_of(clean, sigma), sigma, **options), clean, [f"{i + 1:02d}" for i in range(len(clean))])
    if not quick:
        pairs = sorted(glob.glob(os.path.join(footage, "stills", "realnoise_pairs", "*_real.jpg")))
        noisy, clean = [read(p) for p in pairs], [read(p.replace("_real", "_mean")) for p in pairs]
        outs, peers, levels = [], [], []
        for n in noisy:
            f = n.astype(np.float32) / 255
            sigma, grain = blind(f)
            levels.append(255 * float(np.sqrt((sigma ** 2).mean())))
            outs.append(apply(network, [None, None, f, None, None], sigma, grain))
            if shutil.which("ffmpeg"):
                peers.append(bm3d(n, levels[-1]))
        names = [os.path.basename(p)[:-9] for p in pairs]
        put("real", "in", noisy, clean, names)
        put("real", "out", outs, clean, names)
        if peers:
            put("real", "bm3d", peers, clean, names)
        figures["real_sigma"] = round(float(np.mean(levels)), 2)
        figures["real_sigma_true"] = round(float(np.mean([np.std(n.astype(float) - c) for n, c in zip(noisy, clean)])), 2)
    return figures


CONDITIONS = {  # sigma, lag-1 correlation, the correlation that is told, sigma told over sigma, JPEG's quality
    "white 15": (15, 0, 0, 1, None), "white 15, JPEG 80": (15, 0, 0, 1, 80), "rho .5": (15, 0.5, 0.5, 1, None), "rho .5 told .4": (15, 0.5, 0.4, 1, None),
    "rho .5 told .6": (15, 0.5, 0.6, 1, None), "rho .5 told 0": (15, 0.5, 0, 1, None), "rho .5, sigma told 12": (15, 0.5, 0.5, 0.8, None),
    "rho .5, sigma told 18": (15, 0.5, 0.5, 1.2, None), "white 25": (25, 0, 0, 1, None), "white 25 told 20": (25, 0, 0, 0.8, None), "white 25 told 30": (25, 0, 0, 1.2, None)}


def misjudged(network, footage):
    """PSNR of crops (256 px, every fourth still, alone) by condition, in and out: coloured and compressed noise, and what a wrong estimate costs."""
    figures = {}
    for name, (sigma, rho, told, factor, quality) in CONDITIONS.items():
        rows = []
        for path in sorted(glob.glob(os.path.join(footage, "stills", "clean", "*.png")))[::4]:
            clean = read(path)[:256, :256]
            noise = np.random.default_rng(1).normal(size=clean.shape)
            if rho:
                taps = degrade.line(rho, "decay")
                noise = np.stack([cv2.filter2D(noise[..., c], -1, np.outer(taps, taps), borderType=cv2.BORDER_REFLECT) for c in range(3)], -1)
                noise /= noise.std()
            noisy = np.clip(clean + sigma * noise, 0, 255).round().astype(np.uint8)
            if quality:
                noisy = cv2.imdecode(cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)[..., ::-1].copy()
            out = apply(network, [None, None, noisy.astype(np.float32) / 255, None, None], factor * sigma / 255, torch.tensor([[told, told, told * told, 0.0]]))
            rows.append((psnr(noisy, clean), psnr(out, clean)))
        figures[name] = [round(float(v), 2) for v in np.mean(rows, 0)]
    return figures


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--footage", required=True)
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--size", choices=list(denoise.SIZES), default="light")
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--misjudged", action="store_true", help="coloured, compressed and misjudged noise, and no more")
    ap.add_argument("--json")
    ap.add_argument("--pictures")
    args = ap.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = denoise.make(args.size).eval()
    network.load_state_dict(torch.load(args.checkpoint, map_location="cpu")["ema"])
    figures = misjudged(network, args.footage) if args.misjudged else score(network, args.footage, args.quick, args.pictures)
    figures["command"] = "evaluate_denoise.py --footage <footage> --checkpoint <checkpoint>" + (" --quick" if args.quick else " --misjudged" if args.misjudged else "")
    print(json.dumps(figures))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(figures, f)


if __name__ == "__main__":
    main()
