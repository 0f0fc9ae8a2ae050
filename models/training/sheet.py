#!/usr/bin/env python3
"""Draws a sheet of made samples on made textures: frame 0, the true frame between, frame 1, true flow 0 -> 1 (hue: direction, 40 px at full colour), what stays seen.

  sheet.py --out docs/made-scenes.png
"""
import argparse

import cv2
import numpy as np
import torch

from device_scenes import Bank, Scenes


def colour(flow):
    """Flow [2,H,W] px as RGB uint8 [H,W,3]: hue by direction, saturation by length."""
    x, y = flow.numpy()
    hsv = np.stack(((np.arctan2(y, x) / np.pi + 1) * 90 % 180, np.clip(np.hypot(x, y) / 40, 0, 1) ** 0.6 * 255, np.full_like(x, 255)), -1)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--rows", type=int, default=4)
    ap.add_argument("--size", type=int, default=84)
    ap.add_argument("--seed", type=int, default=12)
    args = ap.parse_args()
    torch.set_num_threads(1)
    scenes, rows = Scenes(Bank(made=40, masks=80), args.seed), []
    for step in range(args.rows):
        made = scenes.batch(step, 2, args.size, args.size)
        picture = lambda f: f.permute(1, 2, 0).mul(255).byte().numpy()
        rows.append(np.concatenate([np.concatenate((picture(made.frame0[i]), picture(made.truth[i]), picture(made.frame1[i]), colour(made.f01[i]), picture(made.seen01[i].expand(3, -1, -1))), 1)
                                    for i in range(2)], 1))
    if not cv2.imwrite(args.out, np.concatenate(rows)[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"cannot write {args.out}")


if __name__ == "__main__":
    main()
