"""Compares the tokens of `tawny run --json` with a JSON list: same-tokens.py OUT EXPECTED"""

import json
import sys

with open(sys.argv[1]) as out, open(sys.argv[2]) as expected:
    found, wanted = json.load(out)["tokens"], json.load(expected)
for i, (a, b) in enumerate(zip(found, wanted)):
    if a != b:
        sys.exit(f"token {i}: expected {b}, found {a}")
sys.exit(len(found) != len(wanted))
