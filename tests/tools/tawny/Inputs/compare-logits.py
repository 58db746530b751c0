"""Compares logits with the reference: compare-logits.py OUT REFERENCE TENSOR BOUND

The tensor holds the last positions of OUT, or all. The bound is on the normalised mean squared
error over all of them."""

import sys

import safetensors

shape, found = safetensors.read(sys.argv[1])["logits"]
rows, expected = safetensors.read(sys.argv[2])[sys.argv[3]]
assert shape[1] == rows[1], f"expected {rows[1]} columns, found {shape[1]}"
found = found[-len(expected) :]
assert len(found) == len(expected), f"expected {rows[0]} rows, found {shape[0]}"
error = sum((a - b) ** 2 for a, b in zip(found, expected)) / sum(b * b for b in expected)
print("rows", *shape, "NMSE", error)
sys.exit(0 if error <= float(sys.argv[4]) else f"NMSE {error} passes {sys.argv[4]}")
