"""Fails unless a command ends with the status: status.py STATUS COMMAND ARGUMENTS…"""

import subprocess
import sys

found = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
sys.exit(0 if found == int(sys.argv[1]) else f"expected status {sys.argv[1]}, found {found}")
