#!/usr/bin/env python3
"""Checks what can be checked about how this repository reads. The rules are in tidy_rules.py.

    tools/tidy.py                 every rule over every file, then clang-format
    tools/tidy.py PATH...         report only what lies at or below these paths
    tools/tidy.py --self-test     each rule on its two examples
    tools/tidy.py --clang-tidy [BUILD]    clang-tidy over BUILD's compile commands (default: build);
                                  takes minutes, so tools/check.sh leaves it out

Prints `path:line: rule: message` for each finding and exits 1 if there is any.
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys

from tidy_rules import RULES
from tidy_source import BINARY, CPP, File

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLANG_FORMAT = "clang-format-22"

# (rule, path pattern): why the rule does not hold there. One that excuses nothing is an error.
EXCEPTIONS = {
    ("banned-words", "tools/tidy_rules.py"): "names what it bans",
    ("pragma-once", "cmake/mlir_pch.h"): "only CMake's precompiled header includes it, once",
    ("pragma-once", "runtime/include/tawny.h"): "C for any compiler: an include guard",
    ("generated-code", "tools/tidy_rules.py"): "names what it looks for",
}


def list_files():
    """Paths of everything that is or could be committed."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-coz", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        return sorted(set(listed.stdout.split("\0")) - {""})
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(("build", "__pycache__", ".git"))]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(found)


def read_repository():
    repository = {}
    for path in list_files():
        full = os.path.join(ROOT, path)
        if "/corpus/" in path or path.endswith(BINARY) or not os.path.isfile(full):
            continue
        with open(full, encoding="utf-8", errors="replace", newline="") as handle:
            repository[path] = File(path, handle.read())
    return repository


def clang_format(repository):
    """One finding per file that clang-format would change."""
    paths = [path for path, file in repository.items() if file.suffix in CPP]
    if not shutil.which(CLANG_FORMAT):
        print(f"note: {CLANG_FORMAT} is not installed; formatting is not checked", file=sys.stderr)
        return
    if not paths:
        return
    result = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", "-ferror-limit=1", *paths],
                            cwd=ROOT, capture_output=True, text=True)
    reported = set()
    for line in result.stderr.split("\n"):
        found = re.match(r"(.*?):(\d+):\d+: error:", line)
        if found and found.group(1) not in reported:
            reported.add(found.group(1))
            yield found.group(1), int(found.group(2)), f"{CLANG_FORMAT} -i {found.group(1)}"
    if result.returncode and not reported:
        yield ".clang-format", 1, result.stderr.strip()


def check(paths):
    repository = read_repository()
    findings, used = [], set()
    for name, function, _, _ in [*RULES, ("clang-format", clang_format, None, None)]:
        for path, line, message in function(repository):
            excused = [key for key in EXCEPTIONS
                       if key[0] == name and fnmatch.fnmatch(path, key[1])]
            used.update(excused)
            if not excused:
                findings.append((path, line, name, message))
    for key in EXCEPTIONS.keys() - used:
        findings.append(("tools/tidy.py", 1, "exceptions", f"{key} excuses nothing; delete it"))
    shown = [f for f in sorted(findings)
             if not paths or any(f[0] == p or f[0].startswith(p + "/") for p in paths)]
    for path, line, name, message in shown:
        print(f"{path}:{line}: {name}: {message}")
    return 1 if shown else 0


def self_test():
    failures = 0
    for name, function, fails, passes in RULES:
        for expected, example in ((True, fails), (False, passes)):
            repository = {path: File(path, text) for path, text in example.items()}
            findings = list(function(repository))
            if bool(findings) != expected:
                failures += 1
                print(f"{name}: the example that must {'fail' if expected else 'pass'} gave "
                      f"{findings}")
    print(f"{len(RULES)} rules, {failures} failures")
    return 1 if failures else 0


def clang_tidy(build):
    build = os.path.join(ROOT, build)
    if not os.path.exists(os.path.join(build, "compile_commands.json")):
        print(f"error: {build} has no compile_commands.json; run tools/setup.sh", file=sys.stderr)
        return 1
    sources = f"^{re.escape(ROOT)}/(?!build)"
    return subprocess.run(["run-clang-tidy-22", "-p", build, "-quiet", "-clang-tidy-binary",
                           "clang-tidy-22", "-j", str(os.cpu_count()), sources]).returncode


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        return self_test()
    if arguments[:1] == ["--clang-tidy"]:
        return clang_tidy(arguments[1] if len(arguments) > 1 else "build")
    if arguments and arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    paths = [os.path.relpath(os.path.abspath(argument), ROOT) for argument in arguments]
    return check([] if "." in paths else paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
