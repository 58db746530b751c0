"""find-tile.py MODEL.gguf OFFSET ARTIFACT: the first 16 rows of 256 Q4_K weights at OFFSET lie in
the artifact as one tile of layout simd16, at a multiple of 64 bytes."""

import sys

with open(sys.argv[1], "rb") as file:
    model = file.read()
with open(sys.argv[3], "rb") as file:
    artifact = file.read()
rows = [model[int(sys.argv[2]) + 144 * r:][:144] for r in range(16)]
tile = b"".join(rows[r][4 * w:4 * w + 4] for w in range(36) for r in range(16))
found = artifact.find(tile)
sys.exit(0 if found > 0 and found % 64 == 0 else f"found at {found}")
