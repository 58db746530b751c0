"""What the weights of an artifact take beside its model file: MODEL INSPECTION.json."""

import json
import os
import sys

model = os.path.getsize(sys.argv[1])
with open(sys.argv[2]) as file:
    inspection = json.load(file)
layouts = inspection["layouts"]
print("targets:", *[target["name"] for target in inspection["targets"]])
print("layouts:", *sorted(layouts))
for name in ("simt32", "simd16"):
    share = layouts[name]["bytes"] / model
    print(name, "is", "at most" if share <= 1.05 else "more than", "1.05 of the model file")
# Each weight ends at a multiple of 64 bytes.
padding = 64 * sum(layout["weights"] for layout in layouts.values())
stored = sum(layout["bytes"] for layout in layouts.values())
once = stored <= inspection["weight_bytes"] < stored + padding
print("weights are stored", "once per layout" if once else "otherwise")
