#!/usr/bin/env python3
"""Draws what each fusion saves: launches and activation bytes of one decoded token.

    tools/draw-fusion.py MODEL.mlir > docs/fusion.svg      MODEL.mlir: tawnyc MODEL.gguf --emit=llm

Runs build/bin/tawny-opt with one pass more each time and reads what rt-print-costs says. The
numbers of docs/fusion.md come from here too; they go to standard error.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = "target=x86-64-v4 activations=i8 max-batch=1 max-context=2048"

# (label, what runs in front of tawny-lower-to-rt, whether decode programs are fused again)
STEPS = [
    ("none", "", False),
    ("+ llm-fuse-norm", "canonicalize,cse,func.func(llm-fuse-norm),", False),
    ("+ llm-fuse-linears", "canonicalize,cse,func.func(llm-fuse-norm,llm-fuse-linears),", False),
    ("+ llm-fuse-rope-append",
     "canonicalize,cse,func.func(llm-fuse-norm,llm-fuse-linears,llm-fuse-rope-append),", False),
    ("+ decode programs", "tawny-fuse,", True),
]

# The picture: two columns of bars beside the labels.
WIDTH, LEFT, BAR, GAP, TOP, ROW = 760, 200, 200, 76, 66, 34
COLORS = ("#54aeff", "#4ac26b")


def costs(model, front, fuse):
    """(launches, kernels, activation bytes) of decode_1."""
    pipeline = (f"builtin.module({front}tawny-lower-to-rt{{{TARGET} fuse={str(fuse).lower()}}},"
                "rt-print-costs)")
    tool = os.path.join(ROOT, "build", "bin", "tawny-opt")
    done = subprocess.run([tool, model, "-o", os.devnull, f"--pass-pipeline={pipeline}"],
                          capture_output=True, text=True)
    found = re.search(r"^decode_1: (\d+) launches of (\d+) kernels, .*?(\d+) activation bytes",
                      done.stderr, re.M)
    if done.returncode or not found:
        sys.exit(done.stderr.strip() or f"error: {tool} printed no costs of decode_1")
    return tuple(int(number) for number in found.groups())


def draw(measured):
    height = TOP + ROW * len(measured) + 20
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}"')
    yield '     font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1f2328">'
    yield "  <title>Launches and activation bytes of one decoded token, pass by pass</title>"
    yield f'  <rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>'
    for column, title in enumerate(("launches", "activation bytes, MB")):
        x = LEFT + column * (BAR + GAP)
        yield f'  <text x="{x}" y="40" font-weight="bold" font-size="15">{title}</text>'
    for index, (label, launches, size) in enumerate(measured):
        y = TOP + index * ROW
        yield f'  <text x="{LEFT - 12}" y="{y + 15}" text-anchor="end">{label}</text>'
        shown = ((launches, measured[0][1], str(launches)),
                 (size, measured[0][2], f"{size / 1e6:.2f}"))
        for column, (value, most, text) in enumerate(shown):
            x, width = LEFT + column * (BAR + GAP), round(BAR * value / most)
            yield f'  <rect x="{x}" y="{y}" width="{width}" height="20" fill="{COLORS[column]}"/>'
            yield f'  <text x="{x + width + 6}" y="{y + 15}">{text}</text>'
    yield "</svg>"


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    measured = []
    for label, front, fuse in STEPS:
        launches, kernels, size = costs(arguments[0], front, fuse)
        print(f"{label}: {launches} launches of {kernels} kernels, {size} bytes", file=sys.stderr)
        measured.append((label, launches, size))
    print("\n".join(draw(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
