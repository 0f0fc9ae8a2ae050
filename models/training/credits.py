#!/usr/bin/env python3
"""Writes DATA.md: what the networks were trained on, with its credits, from the table of a LICENCES.md beside the material.

  credits.py --licences FILE [--out DATA.md]
"""
import argparse
import os

HEAD = """# What the networks in models/ were trained on

No picture or video is in this repository, only weights. Training (of the interpolation networks and of the denoiser alike) used the material below and scenes that `scenes.py` makes from it and from procedural textures.
None of it is in the footage that the networks are measured on. Written by `credits.py`; the licences are those that the sources state.

BSD sources: their copyright notices are in the credit column; redistribution in binary form asks that notice, conditions and disclaimer be reproduced, so keep this file with the weights.
All material was cut, resized, turned, tinted, moved and degraded for training: those are the changes that CC BY asks to indicate.

"""


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--licences", required=True)
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "DATA.md"))
    args = ap.parse_args()
    rows = []
    with open(args.licences, encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) == 6 and cells[0].startswith(("textures/", "shots/")):
                rows.append(cells)
    licences = {}
    for name, size, source, credit, licence, stated in rows:
        licences.setdefault(licence, []).append((name, credit, source, stated))
    with open(args.out + ".part", "w", encoding="utf-8") as f:
        f.write(HEAD)
        f.write("| licence | files |\n|---|---|\n" + "".join(f"| {k} | {len(v)} |\n" for k, v in sorted(licences.items(), key=lambda i: -len(i[1]))) + f"| all | {len(rows)} |\n")
        for licence, items in sorted(licences.items(), key=lambda i: -len(i[1])):
            f.write(f"\n## {licence}\n\n| file | author / credit as stated | source (repository : path) | stated in |\n|---|---|---|---|\n")
            f.writelines(f"| {name} | {credit} | {source} | {stated} |\n" for name, credit, source, stated in items)
    os.replace(args.out + ".part", args.out)
    print(f"{len(rows)} items, {len(licences)} licences")


if __name__ == "__main__":
    main()
