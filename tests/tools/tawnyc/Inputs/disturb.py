"""Runs a command and disturbs it: disturb.py HOW FILE COMMAND ARGUMENTS…

    SIGINT, SIGTERM  sends that signal once a file whose name starts with FILE's has bytes in it
    truncate         empties FILE as soon as the process has mapped it
    limit=BYTES      lets no file of the process grow beyond; FILE is not looked at

Prints how the command ended, as a shell's $? has it, and what it wrote to standard error.
"""

import os
import resource
import signal
import subprocess
import sys
import time

how, path, command = sys.argv[1], sys.argv[2], sys.argv[3:]


def limit():
    if how.startswith("limit="):
        size = int(how.removeprefix("limit="))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def has_begun():
    """Whether the moment to disturb has come."""
    if how == "truncate":
        with open(f"/proc/{child.pid}/maps") as maps:
            return os.path.realpath(path) in maps.read()
    folder, name = os.path.split(path)
    files = (os.path.join(folder, entry) for entry in os.listdir(folder) if name in entry)
    return any(os.path.getsize(file) > 0 for file in files)


child = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=limit)
if not how.startswith("limit="):
    while child.poll() is None and not has_begun():
        time.sleep(0.001)
    if how == "truncate":
        os.truncate(path, 0)
    else:
        child.send_signal(signal.Signals[how])
messages = child.communicate()[1].decode()
status = child.returncode
print("status", 128 - status if status < 0 else status)
print(messages)
