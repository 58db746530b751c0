"""Reads safetensors files with nothing but the standard library."""

import json
import struct


def read(path):
    """The tensors of a file as {name: (shape, flat tuple of numbers)}; f32 and i32 only."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        kind = {"F32": "f", "I32": "i"}[entry["dtype"]]
        content = data[8 + length + begin : 8 + length + end]
        values = struct.unpack(f"<{len(content) // 4}{kind}", content)
        tensors[name] = (entry["shape"], values)
    return tensors
