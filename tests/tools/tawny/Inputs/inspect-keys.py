"""Prints the keys of `tawny inspect --json`, read from standard input, sorted."""

import json
import sys

artifact = json.load(sys.stdin)
target = artifact["targets"][0]
for name, value in {
    "artifact": artifact,
    "model": artifact["model"],
    "tokenizer": artifact["tokenizer"],
    "target": target,
    "kernel": target["kernels"][0],
}.items():
    print(f"{name}:", *sorted(value))
print("memory plan:", *(line["name"] for line in target["memory_plan"]))
sums = sum(layout["bytes"] for layout in artifact["layouts"].values())
assert sums == sum(group["bytes"] for group in target["dequantization"]), sums
