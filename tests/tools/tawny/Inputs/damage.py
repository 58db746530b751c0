"""Copies a file with one byte changed, or cut short: damage.py IN OUT (OFFSET | cut BYTES)

A negative offset counts from the end."""

import sys

source, target, *what = sys.argv[1:]
with open(source, "rb") as file:
    data = bytearray(file.read())
if what[0] == "cut":
    data = data[: int(what[1])]
else:
    data[int(what[0])] ^= 0x40
with open(target, "wb") as file:
    file.write(data)
