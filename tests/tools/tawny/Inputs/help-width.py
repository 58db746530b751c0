"""Fails where a line of a command's help is wider than 100 columns: help-width.py COMMAND…"""

import subprocess
import sys

for command in sys.argv[1:]:
    text = subprocess.run(["tawny", command, "--help"], check=True, stdout=subprocess.PIPE).stdout
    for line in text.decode().splitlines():
        if len(line) > 100:
            sys.exit(f"{command}: {len(line)} columns: {line}")
