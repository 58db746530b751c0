"""resident.py ARTIFACT: runs it and asks that the process has no more memory of its own (RssAnon of
/proc) than the KV pool and 64 MiB: weights are to be pages of the file.

The pipe holds less than what the run prints, so the process waits there while its memory is read:
everything is loaded by then, and has run.
"""

import fcntl
import json
import re
import select
import subprocess
import sys

ALLOWANCE = 64 << 20
PIPE_BYTES = 4096

artifact = sys.argv[1]
inspected = json.loads(subprocess.check_output(["tawny", "inspect", artifact, "--json"]))
kv = inspected["targets"][0]["kv"]["bytes"]
prompt = ",".join(str(1000 + i % 24) for i in range(PIPE_BYTES // 4))
command = ["tawny", "run", artifact, "--tokens", prompt, "-n", "4", "--json", "--quiet"]
with subprocess.Popen(command, stdout=subprocess.PIPE, pipesize=PIPE_BYTES) as run:
    assert fcntl.fcntl(run.stdout, fcntl.F_GETPIPE_SZ) == PIPE_BYTES
    select.select([run.stdout], [], [])
    with open(f"/proc/{run.pid}/status") as status:
        found = int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) << 10
    output = run.stdout.read()
assert run.returncode == 0 and len(output) > PIPE_BYTES, output
mebibytes = f"{found / 2**20:.1f} MiB with a KV pool of {kv / 2**20:.1f} MiB"
if found > kv + ALLOWANCE:
    sys.exit(f"error: expected at most the KV pool and 64 MiB, found {mebibytes}")
print(f"RssAnon {mebibytes}")
