#!/usr/bin/env python3
"""Predicts tokens per second on a GPU that is not there, from what the simulator counted.

    tools/predict.py PROFILE.json [KERNEL=LAUNCHES ...] --layers N

PROFILE.json is `tawny bench ARTIFACT --device=hip -p 1 -n 1 --batch 1,8 -r 1 --profile
--launch=eager --json` under the simulator, of a model with fewer layers than the one that is
predicted: kernels of equal layers are equal. A kernel that the profile launches c times in L layers
counts c * N / L times, except those that a step has once; KERNEL=LAUNCHES says it otherwise, for
every kernel whose name starts so (in a Q4_K_M file some layers have other formats).

A launch takes the longer of its memory and its instructions, and a gap to the next:

    lines of 128 bytes read and written / bandwidth
    issue cycles of vector instructions / (SIMDs * clock)
    gap

docs/benchmarks.md says where the constants come from, and what the model leaves out.
"""
import argparse
import json

# gfx1151. AMD's product page of the Ryzen AI Max+ 395: 40 compute units, 2900 MHz; RDNA 3.5 ISA
# guide: two SIMDs a compute unit. 221 GB/s of its 256 are what a copy has been measured to reach.
# The gap between launches of a graph is an assumption.
BANDWIDTH, SIMDS, CLOCK_HZ, GAP_SECONDS, LINE_BYTES = 221e9, 80, 2.9e9, 2e-6, 128

# Kernels that a step launches once, whatever the number of layers.
ONCE = ("embed", "rms_norm", "logit_rows", "top_k", "addf")


def launches(kernel, arguments, layers):
    for name, count in arguments.counts:
        if kernel["name"].startswith(name):
            return count
    if kernel["name"].startswith(ONCE) or f"_{arguments.vocabulary}x" in kernel["name"]:
        return kernel["launches"]
    return kernel["launches"] * arguments.layers / layers


def predict(profile, arguments, layers):
    rows = []
    for kernel in profile["counters"]:
        each = kernel["launches"] * profile["steps"]
        lines = (kernel["lines_read"] + kernel["lines_written"]) / each
        memory = lines * LINE_BYTES / BANDWIDTH
        issue = kernel["vector_issue_cycles"] / each / (SIMDS * CLOCK_HZ)
        count = launches(kernel, arguments, layers)
        seconds = count * (max(memory, issue) + GAP_SECONDS)
        rows.append((seconds, count, memory, issue, lines, kernel))
    return sorted(rows, key=lambda row: -row[0])


def pair(text):
    name, count = text.rsplit("=", 1)
    return name, float(count)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile")
    parser.add_argument("counts", nargs="*", type=pair, metavar="KERNEL=LAUNCHES")
    parser.add_argument("--layers", type=int, required=True, help="of the model that is predicted")
    parser.add_argument("--profiled-layers", type=int, default=1, help="of the profile's (1)")
    parser.add_argument("--vocabulary", type=int, default=32000, help="rows of the head (32000)")
    arguments = parser.parse_args()
    with open(arguments.profile, encoding="utf-8") as file:
        report = json.load(file)
    for profile in report["profile"]:
        if not profile["title"].startswith("decode"):
            continue
        batch = int(profile["title"].split()[-1])
        rows = predict(profile, arguments, arguments.profiled_layers)
        total = sum(row[0] for row in rows)
        moved = sum(row[1] * row[4] for row in rows) * LINE_BYTES
        used = sum(k["used_bytes_read"] for *_, k in rows)
        read = sum(k["lines_read"] for *_, k in rows) * LINE_BYTES
        print(f"{profile['title']}: {batch / total:.1f} tokens/s; {moved / 1e9:.3f} GB in lines, "
              f"{moved / BANDWIDTH / total:.0%} of the time; of the lines read {used / read:.1%} "
              f"is used; {sum(row[1] for row in rows):.0f} launches")
        print(f"  {'launches':>8} {'memory us':>10} {'issue us':>9} {'share':>6}  kernel")
        for seconds, count, memory, issue, _, kernel in rows:
            print(f"  {count:8.0f} {memory * 1e6:10.1f} {issue * 1e6:9.1f} {seconds / total:6.1%}  "
                  f"{kernel['name']}")


if __name__ == "__main__":
    main()
