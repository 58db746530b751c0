"""Compares `tawny perplexity --json` with the reference: compare-nll.py OUT REFERENCE

With int8 activations each value from position 64 on must be within 0.05; before, where nothing
predicts the text, values are large and so are their errors."""

import json
import math
import sys

import safetensors

with open(sys.argv[1]) as file:
    out = json.load(file)
expected = safetensors.read(sys.argv[2])["nll"][1]
found = out["nll"]
assert len(found) == len(expected) == out["tokens"], len(found)
worst = max(abs(a - b) for a, b in zip(found[64:], expected[64:]))
assert worst <= 0.05, f"nll differs by {worst}"
assert math.isclose(out["perplexity"], math.exp(sum(found) / len(found)))
print("tokens", out["tokens"], "perplexity", round(out["perplexity"], 6))
