#!/usr/bin/env python3
"""Makes training samples and keeps them on disk, so that training never waits: half real shots, half made scenes (no folders: scenes on made textures).

  make_cache.py --cache DIR --count 4000 [--textures DIR] [--shots DIR] [--seed 0]

Each sample is one .npy: uint8 [25,H,W] of frame0 RGB, frame1 RGB, truth RGB, inc_t0, inc_t1 (x 255), then as fp16 V (4 planes) and the teacher's F_t0, F_t1 (8), then
how much better the teacher's look-ups are (2, x 255); t in the name. The teacher is dense inverse search from the truth itself: privileged, as in RIFE's distillation.
Files appear complete (written aside, then renamed), so training may read while this runs. Dense inverse search stands in for the pipeline's own.
"""
import argparse
import os
import time

import cv2
import numpy as np
import torch

import holes
import motion
import scenes
import shots
import windows

TEACHER_GAIN = 4.0  # of 255: a look-up this much better counts fully
SMOOTHING = 13  # px, side of the box in which look-ups are compared
SIZE = 224  # px, the side of a stored sample; motion is found on the picture around it


def as_bytes(flow):
    """[1,2,h,w] float -> the bytes of its fp16 as 4 planes [4,h,w]."""
    _, c, h, w = flow.shape
    return flow[0].half().numpy().view(np.uint8).reshape(c, h, w, 2).transpose(0, 3, 1, 2).reshape(2 * c, h, w)


def teacher(frame0, frame1, truth, v, t):
    """Motion from the true frame (uint8 RGB [h,w,3]) to each given frame, and in 0..1 how much better it fetches than V does: planes [10,h,w]."""
    target = motion.to_tensor(truth)
    flows, gains = [], []
    for frame, linear in ((frame0, -t * v), (frame1, (1 - t) * v)):
        flow = motion.to_tensor(motion.dense_inverse_search(truth, frame, both=False)[0])
        error = lambda f: motion.box((motion.warp(motion.to_tensor(frame), f) - target).abs().mean(1, keepdim=True), SMOOTHING)
        flows.append(as_bytes(flow))
        gains.append(((error(linear) - error(flow)) * 255 / TEACHER_GAIN).clamp(0, 1)[0].mul(255).round().byte().numpy())
    return np.concatenate(flows + gains)


def sample(frame0, frame1, truth, t, rng, size=SIZE):
    """The stored array of one pair (uint8 RGB pictures), cut to `size` after its motion is known; None where prediction is hopeless or nothing moves."""
    f01, f10 = (motion.to_tensor(f) for f in motion.dense_inverse_search(frame0, frame1, stride=2))  # nearer to the product's search than 3
    i0, i1, target = (motion.to_tensor(f) for f in (frame0, frame1, truth))
    time_ = torch.full((1, 1, 1, 1), t)
    v = motion.motion_at(i0, i1, f01, f10, time_)
    inc0, inc1 = motion.inconsistency_at(f01, f10, v, time_)
    height, width = frame0.shape[:2]
    h, w = min(size, height) // 8 * 8, min(size, width) // 8 * 8
    places = [(int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))) for _ in range(4)]
    activity = lambda p: shots.difference(frame0[p[0]:p[0] + h, p[1]:p[1] + w], frame1[p[0]:p[0] + h, p[1]:p[1] + w])
    y, x = max(places, key=activity)  # where more happens
    cut = lambda a: a[..., y:y + h, x:x + w]
    average = 0.5 * (motion.warp(i0, -time_ * v) + motion.warp(i1, (1 - time_) * v))
    error = float(cut(average - target).square().mean())
    if error > 10 ** -1.4 or error < 10 ** -4.8 or activity((y, x)) < 1:
        return None
    u8 = lambda a: cut(a)[0].mul(255).round().clamp(0, 255).byte().numpy()
    pixels = lambda f: np.ascontiguousarray(f[y:y + h, x:x + w])
    return np.concatenate([u8(i0), u8(i1), u8(target), u8(inc0), u8(inc1), as_bytes(cut(v)), teacher(pixels(frame0), pixels(frame1), pixels(truth), cut(v), t)])


def degraded(rng, frame):
    """A given frame (uint8 RGB [h,w,3]) as worse sources have it, before its motion is sought: softened, grained and compressed, each with even chance; the truth stays."""
    if rng.random() < 0.5:
        frame = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.3, 1.0))
    if rng.random() < 0.5:
        grain = cv2.GaussianBlur(rng.standard_normal(frame.shape).astype(np.float32), (0, 0), rng.uniform(0.2, 0.8))
        frame = np.clip(frame + np.exp(rng.uniform(0, np.log(15))) / grain.std() * grain, 0, 255).round().astype(np.uint8)
    if rng.random() < 0.5:
        _, coded = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        frame = np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1])
    return frame


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--task", choices=["interpolate", "denoise", "holes"], default="interpolate", help="denoise: windows of five frames (windows.py); holes: of those, with lost pixels (holes.py)")
    ap.add_argument("--cache", required=True)
    ap.add_argument("--windows", help="a cache of windows, for holes; may be the same folder")
    ap.add_argument("--count", type=int, default=4000)
    ap.add_argument("--textures")
    ap.add_argument("--shots")
    ap.add_argument("--share", type=float, default=0.5, help="of real shots")
    ap.add_argument("--side", type=int, default=256, help="px, of made scenes; seven eighths of it are stored")
    ap.add_argument("--speeds", type=float, nargs=2, default=(0.3, 48), help="px, least and most motion of a layer over the interval")
    ap.add_argument("--folding", action="store_true", help="limbs that fold and wheels with spokes in made scenes as well")
    ap.add_argument("--degrade", action="store_true", help="soften, grain and compress the given frames")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--pause", type=float, default=0, help="seconds to rest after each sample, on a shared machine")
    args = ap.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    os.makedirs(args.cache, exist_ok=True)
    if args.task != "interpolate":
        began = time.time()
        for done, index in (windows if args.task == "denoise" else holes).make(args):
            if done % 100 == 0:
                print(f"{done} of {args.count}, {index} tried, {done / (time.time() - began):.1f} a second", flush=True)
            time.sleep(args.pause)
        return
    textures = scenes.Textures(args.textures)
    real = shots.load(args.shots) if args.shots else {}
    done, index, began = 0, 0, time.time()
    while done < args.count:
        index += 1
        rng = np.random.default_rng([args.seed, index])
        if real and rng.random() < args.share:
            kind, pair = "shot", shots.draw(rng, real)
            if pair is None:
                continue
        else:
            side = args.side
            kind, t = "made", 0.5 if rng.random() < 0.5 else float(rng.uniform(0.04, 0.96))
            scene = scenes.Scene([args.seed, index, 1], side, side, textures, args.speeds, args.folding)
            pair = scene.frame(0), scene.frame(1), scene.frame(t, grain=False), t
        if args.degrade:
            pair = *(degraded(rng, frame) for frame in pair[:2]), *pair[2:]
        array = sample(*pair, rng, args.side * 7 // 8)
        if array is None:
            continue
        name = f"{args.cache}/{kind}_{args.seed}_{index:06d}_{pair[3]:.4f}.npy"
        with open(name + ".part", "wb") as f:
            np.save(f, array)
        os.replace(name + ".part", name)
        done += 1
        if done % 100 == 0:
            print(f"{done} of {args.count}, {index} tried, {done / (time.time() - began):.1f} a second", flush=True)
        time.sleep(args.pause)


if __name__ == "__main__":
    main()
