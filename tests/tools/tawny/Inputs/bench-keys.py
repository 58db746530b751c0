"""Prints the keys of `tawny bench --json`, read from standard input, and checks that the numbers
fit together."""

import json
import math
import sys

bench = json.load(sys.stdin)
print("bench:", *sorted(bench))
print("result:", *sorted(bench["results"][0]))
for result in bench["results"]:
    print(result["kind"], *(f"{key} {result[key]}" for key in ("tokens", "batch", "depth")))
    tokens = result["tokens"] if result["kind"] == "prefill" else result["batch"]
    bytes_per_second = result["tokens_per_second"] / tokens * result["bytes_per_step"]
    gigabytes = result["gigabytes_per_second"]
    assert math.isclose(gigabytes, bytes_per_second / 1e9, rel_tol=1e-3), gigabytes
    share = gigabytes / bench["read_gigabytes_per_second"]
    assert math.isclose(result["of_read_bandwidth"], share, rel_tol=1e-6), share
    assert result["operations_per_step"] > 0 and result["of_peak"] > 0
