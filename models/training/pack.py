#!/usr/bin/env python3
"""Packs what a lent machine needs to train on into one folder of a stated size: photographs and shots compressed again, and validation triplets from held-out shots.

  pack.py --textures DIR --shots DIR --out .pack [--mib 42] [--held 8]

--out/textures/*.webp, --out/shots/*.mp4 (H.264), --out/triplets/<shot>_<frame>/{0,1,2}.jpg. The folder must be one that git ignores: it is refused otherwise.
Shots are held out evenly through the sorted list; no frame of theirs is among the training shots. Photographs take what is left of --mib, by quality, then by size.
"""
import argparse
import glob
import os
import shutil
import subprocess

import cv2
import numpy as np

import shots

MIB = 1 << 20
SIDES = (704, 576, 512, 448)  # px, longest short side of a photograph; tiles are 512
QUALITIES = (88, 82, 76, 70, 62)
TRIPLET_WIDTH = 384


def size(folder):
    return sum(os.path.getsize(p) for p in glob.glob(os.path.join(folder, "**", "*"), recursive=True) if os.path.isfile(p))


def pack_shots(paths, out, crf):
    os.makedirs(out)
    for path in paths:
        name = os.path.splitext(os.path.basename(path))[0]
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", path, "-an", "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "medium", "-crf", str(crf),
                        "-pix_fmt", "yuv420p", "-g", "60", os.path.join(out, name + ".mp4")], check=True)


def pack_triplets(paths, out, each):
    """Middle frames of strides 1, 2, 3 in turn, evenly through each held-out shot, where something moves and no cut lies."""
    count = 0
    for path in paths:
        frames = shots.load_file(path)
        steps = [shots.difference(a, b) for a, b in zip(frames, frames[1:])]
        for k in range(each):
            stride = k % 3 + 1
            first = round((k + 0.5) * (len(frames) - 2 * stride) / each)
            first = min(max(first, 0), len(frames) - 2 * stride - 1)
            within = steps[first:first + 2 * stride]
            if first < 0 or sum(within) < 1.5 or max(within) > 4 * (np.median(within) + 2):
                continue
            folder = os.path.join(out, f"{os.path.splitext(os.path.basename(path))[0]}_{first:03d}_{stride}")
            os.makedirs(folder)
            for i in range(3):
                picture = frames[first + i * stride]
                height = round(picture.shape[0] * min(1, TRIPLET_WIDTH / picture.shape[1]) / 2) * 2
                picture = cv2.resize(picture, (min(TRIPLET_WIDTH, picture.shape[1]), height), interpolation=cv2.INTER_AREA)
                cv2.imwrite(os.path.join(folder, f"{i}.jpg"), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 96])
            count += 1
    return count


def pack_photographs(paths, out, budget):
    """The best (side, quality) whose estimate from every ninth file fits; then all files. Returns both."""
    def encode(path, side, quality):
        picture = cv2.imread(path)
        scale = min(1.0, side / min(picture.shape[:2]))
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()

    os.makedirs(out)
    for side, quality in ((s, q) for q in QUALITIES for s in SIDES):
        few = paths[::9]
        if sum(len(encode(p, side, quality)) for p in few) * len(paths) / len(few) < 0.97 * budget:
            break
    for path in paths:
        with open(os.path.join(out, os.path.splitext(os.path.basename(path))[0] + ".webp"), "wb") as f:
            f.write(encode(path, side, quality))
    return side, quality


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--textures", required=True)
    ap.add_argument("--shots", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--mib", type=float, default=42)
    ap.add_argument("--held", type=int, default=8, help="shots that only validation sees")
    ap.add_argument("--crf", type=int, default=21)
    args = ap.parse_args()
    cv2.setNumThreads(1)
    out = os.path.abspath(args.out)
    ignored = subprocess.run(["git", "-C", os.path.dirname(out), "check-ignore", "-q", os.path.join(out, "textures")], check=False).returncode
    if ignored == 1:
        raise SystemExit(f"{args.out} is not ignored by git, and its contents must not be committed: add /{os.path.basename(out)}/ to .git/info/exclude")
    if os.path.exists(out):
        raise SystemExit(f"{args.out} exists: remove it first")
    partial = out + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    videos = sorted(glob.glob(os.path.join(args.shots, "*.mp4")))
    photographs = sorted(p for ext in ("jpg", "png") for p in glob.glob(os.path.join(args.textures, "*." + ext)))
    held = [videos[int((k + 0.5) * len(videos) / args.held)] for k in range(args.held)]
    triplets = pack_triplets(held, os.path.join(partial, "triplets"), 4)
    pack_shots([v for v in videos if v not in held], os.path.join(partial, "shots"), args.crf)
    left = args.mib * MIB - size(partial)
    side, quality = pack_photographs(photographs, os.path.join(partial, "textures"), left)
    os.replace(partial, out)
    for name, count in (("textures", len(photographs)), ("shots", len(videos) - len(held)), ("triplets", triplets)):
        print(f"{name}: {count}, {size(os.path.join(out, name)) / MIB:.1f} MiB")
    print(f"in all {size(out) / MIB:.1f} MiB of {args.mib:g}; photographs at a short side of at most {side} px, WebP quality {quality}; held out: {', '.join(os.path.basename(h)[:-4] for h in held)}")


if __name__ == "__main__":
    main()
