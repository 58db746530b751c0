"""Starts a command twice at once, ROUNDS times, with Q4_0 and with Q8_0 in place of `{}`, and
checks that what both write is always one of the two files it may be:
race.py ROUNDS FIRST SECOND OUTPUT COMMAND ARGUMENTS…"""

import subprocess
import sys

rounds, first, second, output = sys.argv[1:5]
command = sys.argv[5:]


def content(path):
    with open(path, "rb") as file:
        return file.read()


for _ in range(int(rounds)):
    both = [
        subprocess.Popen([word.replace("{}", recipe) for word in command])
        for recipe in ("Q4_0", "Q8_0")
    ]
    assert [child.wait() for child in both] == [0, 0]
    assert content(output) in (content(first), content(second)), "a mixture was written"
