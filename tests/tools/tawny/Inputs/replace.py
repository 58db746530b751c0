"""Runs an artifact, and once the first byte of text is there writes another model to its name:
replace.py ARTIFACT TEXT. The text goes to the file TEXT."""

import subprocess
import sys

artifact, text = sys.argv[1:3]
run = ["tawny", "run", artifact, "-p", "Alice was", "-n", "400", "--temp=1", "--seed=7", "--quiet"]
child = subprocess.Popen(run, stdout=subprocess.PIPE)
first = child.stdout.read(1)
subprocess.run(["tawnyc", "--synthetic=tiny:Q8_0", "-o", artifact, "--quiet"], check=True)
rest = child.communicate()[0]
assert child.returncode == 0, child.returncode
with open(text, "wb") as file:
    file.write(first + rest)
