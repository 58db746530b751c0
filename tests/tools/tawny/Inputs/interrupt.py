"""Runs a command until it has written a byte to standard output, presses Ctrl-C, and prints how it
ended: interrupt.py COMMAND ARGUMENTS…"""

import signal
import subprocess
import sys

child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
first = child.stdout.read(1)
child.send_signal(signal.SIGINT)
text, messages = child.communicate()
(first + text).decode("utf-8")  # fails where a character was cut
print("status", child.returncode)
print(messages.decode())
