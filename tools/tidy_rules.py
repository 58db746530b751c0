"""The rules of tools/tidy.py. A rule looks at the whole repository, a dict from path to File, and
yields (path, line, message). Each carries a small repository that must fail and one that must
pass, which --self-test runs."""

import posixpath
import re

from tidy_source import CODE, CPP

MAX_COLUMNS = 100
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
DOCUMENTED = ("dialects/", "models/", "passes/", "compiler/", "runtime/")

# What may not be written, and what to do instead.
BANNED = [
    (r"\bTODO\b(?!\(#\d+\))", "finish it, or open an issue and write TODO(#number)"),
    (r"\bFIXME\b", "fix it, or open an issue and write TODO(#number)"),
    (r"\bXXX\b", "say what is unusual and why"),
    (r"(?i)\bhack(s|y)?\b", "say what the code works around and where that is reported"),
    (r"(?i)\b(simplified|hard-?coded|stubbed) for now\b", "build it, or refuse with an error"),
    (r"(?<![\w.])/(work|home|root|Users)/", "a path relative to the repository"),
    (r"(?<![\w.$])/tmp/", "%t in lit, testing::TempDir() in a unit test, mktemp in a script"),
    (r"\b(deb|pypi|registry|files|static)\.[a-z-]+\.(org|io|com)\b",
     "name the package; its source is the reader's choice"),
]

RULES = []


def rule(name, fails, passes):
    """Registers a rule under `name` with its two example repositories (path -> text)."""

    def register(function):
        RULES.append((name, function, fails, passes))
        return function

    return register


def files_of(repository, suffixes):
    return [file for file in repository.values() if file.suffix in suffixes]


@rule("line-length", {"a.cpp": "int a; //" + "x" * 100 + "\n"},
      {"a.cpp": "int a;\n", "b.md": "| " + "x" * 120 + " |\n```\n" + "x" * 120 + "\n```\n"})
def line_length(repository):
    for file in files_of(repository, CODE | {".md"}):
        prose, fenced = file.suffix == ".md", False
        for number, line in enumerate(file.lines, 1):
            fenced ^= prose and line.lstrip().startswith("```")
            exempt = prose and (fenced or line.lstrip().startswith("|"))
            if len(line) > MAX_COLUMNS and not exempt and "://" not in line:
                yield file.path, number, f"{len(line)} columns; at most {MAX_COLUMNS}"


@rule("file-length", {"a.cpp": "int a;\n" * 401}, {"a.cpp": "int a;\n" * 400})
def file_length(repository):
    for file in files_of(repository, CODE):
        count = len(file.lines) - 1
        if count > MAX_FILE_LINES:
            yield (file.path, MAX_FILE_LINES + 1,
                   f"{count} lines; at most {MAX_FILE_LINES}: find its second responsibility")


@rule("function-length",
      {"a.cpp": "namespace n {\nA::A(int x) : y{x}, z(x) {\n" + "  f({x});\n" * 70 + "}\n}\n"},
      {"a.cpp": "const T t[] = {\n" + "  {f(1)},\n" * 99 + "};\nvoid g(O o = {}) {\n"
                + "  if (a) { b(); }\n" * 68 + "}\n"})
def function_length(repository):
    for file in files_of(repository, CPP):
        for block in file.blocks:
            count = block.last - block.first + 1
            if block.kind == "function" and count > MAX_FUNCTION_LINES:
                name = re.search(r"([\w:~]+|operator\s*\S+)\s*\(", block.head)
                yield (file.path, block.first,
                       f"{name.group(1) if name else 'function'} has {count} lines; at most "
                       f"{MAX_FUNCTION_LINES}")


@rule("dead-file", {"d/CMakeLists.txt": "add_library(d A.cpp)\n", "d/A.cpp": "", "d/B.h": ""},
      {"d/CMakeLists.txt": "f(A.cpp e/${n}Ops.td)\n", "d/A.cpp": '#include "d/B.h"\n', "d/B.h": "",
       "d/e/LlmOps.td": ""})
def dead_file(repository):
    included = {path for file in repository.values() for _, _, path in file.includes}
    included |= {path for file in files_of(repository, {".td"})
                 for path in re.findall(r'include "([^"]+)"', file.text)}
    # What each list builds, as patterns: a variable in a name stands for anything.
    lists = [(file.path.removesuffix("CMakeLists.txt") if file.name == "CMakeLists.txt" else "",
              [re.sub(r"\\\$\\\{\w+\\\}", r"\\w*", re.escape(posixpath.basename(name)))
               for name in re.findall(r"[\w./${}-]+\.(?:cpp|h|td|fbs)\b", file.text)])
             for file in files_of(repository, {".cmake"})]
    for file in files_of(repository, CPP | {".td", ".fbs"}):
        parts = file.path.split("/")
        tails = {"/".join(parts[i:]) for i in range(len(parts))}
        built = any(re.fullmatch(pattern, file.name)
                    for folder, patterns in lists if file.path.startswith(folder)
                    for pattern in patterns)
        if not built and not (tails & included and file.suffix in (".h", ".td")):
            what = "no CMakeLists.txt builds it" if file.suffix != ".h" else "nothing includes it"
            yield file.path, 1, f"{what}: use it or delete it"


@rule("banned-words", {"a.md": "TODO: later\n"}, {"a.md": "TODO(#12): later. A hackberry.\n"})
def banned_words(repository):
    for file in repository.values():
        for number, line in enumerate(file.lines, 1):
            for pattern, instead in BANNED:
                found = re.search(pattern, line)
                if found:
                    yield file.path, number, f"'{found.group(0)}': {instead}"


def check_prefixes(run_lines):
    """The prefixes that the FileCheck commands of a test look for."""
    prefixes = set()
    for command in re.split(r"\||&&|;", run_lines):
        if "FileCheck" in command:
            named = re.findall(r"-check-prefix(?:es)?[= ]([\w,-]+)", command)
            prefixes.update(",".join(named).split(",") if named else ["CHECK"])
    return prefixes


@rule("check-without-filecheck", {"a.mlir": "// RUN: tawny-opt %s | FileCheck %s "
                                            "--check-prefix=LLVM\n// CHECK: x\n"},
      {"a.mlir": "// RUN: tawny-opt %s | \\\n// RUN:   FileCheck %s --check-prefixes=CHECK,LLVM\n"
                 "// CHECK-NEXT: x\n// LLVM: y\n"})
def check_without_filecheck(repository):
    directive = re.compile(r"^\s*(?://|#)\s*([A-Z][A-Z0-9_-]*?)"
                           r"(-(?:NEXT|LABEL|SAME|DAG|NOT|EMPTY|COUNT-\d+))?:")
    for file in files_of(repository, {".mlir", ".test"}):
        if "/Inputs/" in file.path:
            continue
        runs = " ".join(re.findall(r"RUN:(.*?)\\?$", file.text, re.M))
        if not runs:
            yield file.path, 1, "a test without a RUN line; inputs of other tests lie in Inputs/"
        prefixes = check_prefixes(runs)
        for number, line in enumerate(file.lines, 1):
            found = directive.match(line)
            if (found and (found.group(2) or "CHECK" in found.group(1))
                    and found.group(1) not in prefixes):
                yield (file.path, number,
                       f"no RUN line runs FileCheck with prefix {found.group(1)}")


@rule("pass-test", {"passes/Passes.td": 'def Fuse : Pass<"fuse-linears"> {}\n'},
      {"passes/Passes.td": 'def Fuse : Pass<"fuse-linears"> {}\n',
       "tests/passes/fuse-linears.mlir": ""})
def pass_test(repository):
    tests = {file.name for file in repository.values() if file.path.startswith("tests/passes/")}
    for file in repository.values():
        if file.path != "passes/Passes.td":
            continue
        for number, line in enumerate(file.lines, 1):
            found = re.search(r'\b\w*Pass<\s*"([\w-]+)"', line)
            if found and f"{found.group(1)}.mlir" not in tests:
                yield file.path, number, f"no test tests/passes/{found.group(1)}.mlir"


def wants_comment(block, strict):
    """Whether a block of a header is a declaration that readers look up."""
    head = re.sub(r"\[\[.*?\]\]", "", block.head).strip()
    if block.in_type or head in ("", "}") or re.match(
            r"(using|friend|static_assert|extern template|template\s*<\s*>|template\s+\w)", head):
        return False
    bare = re.sub(r"^template\s*<.*?>\s*(?=\w)", "", head)
    if block.kind == "declaration" and re.fullmatch(r"(class|struct|union|enum)[\s\w:]*", bare):
        return False  # a forward declaration
    declared = bare.split("(")[0].rstrip()
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", declared) or re.search(r"\w::~?\w+$", declared):
        return False  # a macro of MLIR's, or a member defined below its class
    if block.kind != "declaration" or strict:
        return True
    return "(" in bare.split("=")[0]


@rule("public-comment",
      {"runtime/include/t.h": "/// Opens.\nint f(int x);\nint g(int x);\n"},
      {"runtime/include/t.h": "/* How. */\ntypedef enum e { A } e;\n",
       "runtime/A.h": "namespace n {\nclass B;\n/// Adds.\nint f(int x = g({}));\nint f(float x);\n"
                      "\n/// Holds.\ntemplate <typename T> struct S {\n  int m();\n};\n}\n"})
def public_comment(repository):
    for file in files_of(repository, {".h"}):
        if not file.path.startswith(DOCUMENTED):
            continue
        strict = file.path.startswith("runtime/include/")
        for block in file.blocks:
            if not wants_comment(block, strict):
                continue
            # Overloads may share one comment: any `///` above, up to the next empty line.
            above = block.first - 2
            while not strict and above > 0 and file.lines[above].strip() and not file.lines[
                    above].lstrip().startswith("///"):
                above -= 1
            if not re.match(r"\s*///|.*\*/\s*$", file.lines[above] if above >= 0 else ""):
                yield file.path, block.first, f"no /// comment above `{block.head.split('(')[0]}`"


@rule("pragma-once", {"a.h": "// A.\nint a;\n"}, {"a.h": "// A.\n#pragma once\nint a;\n"})
def pragma_once(repository):
    for file in files_of(repository, {".h"}):
        lines = (line for line in file.lines if line.strip() and not line.startswith("//"))
        if next(lines, "") != "#pragma once":
            yield file.path, 1, "a header begins with #pragma once, after its comment"


@rule("include-style",
      {"runtime/A.h": "", "runtime/A.cpp": "#include <vector>\n#include \"A.h\"\n"},
      {"runtime/A.h": "", "runtime/A.cpp": '#include "runtime/A.h"\n#include <vector>\n'
                                           '#include "mlir/IR/Builders.h"\n#include "Ops.h.inc"\n'})
def include_style(repository):
    tops = {path.split("/")[0] for path in repository if "/" in path}
    for file in files_of(repository, CPP):
        for number, quote, path in file.includes:
            top = path.split("/")[0]
            generated = path.endswith((".inc", "_generated.h"))
            if quote == "<" and top in tops | {"mlir", "llvm", "lld"}:
                yield file.path, number, f"<{path}>: quotes for this project, MLIR and LLVM"
            elif quote == '"' and (".." in path or posixpath.join(
                    posixpath.dirname(file.path), path) in repository):
                yield file.path, number, f'"{path}": name it from the repository\'s root'
            elif quote == '"' and top in tops and path not in repository and not generated:
                yield file.path, number, f'"{path}": there is no such file'
        own = file.path.removesuffix(".cpp") + ".h"
        if file.suffix == ".cpp" and own in repository and file.includes:
            number, _, first = file.includes[0]
            if first != own:
                yield file.path, number, f'the first include is the file\'s own header, "{own}"'


@rule("whitespace", {"a.md": "text \n"}, {"a.md": "text\n", "Makefile": "all:\n"})
def whitespace(repository):
    for file in repository.values():
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield file.path, number, "white space at the end of the line"
            elif "\t" in line and file.suffix in CODE | {".mlir", ".md"}:
                yield file.path, number, "a tab; indent with spaces"
        if file.text and (not file.text.endswith("\n") or file.text.endswith("\n\n")):
            yield file.path, len(file.lines), "the file ends with exactly one newline"


@rule("generated-code", {"a_generated.h": "#pragma once\n"}, {"a.h": "#pragma once\n"})
def generated_code(repository):
    mark = re.compile(r"(?i)automatically generated by|@generated\b|have been autogenerated by")
    for file in repository.values():
        if file.path.endswith(("_generated.h", ".inc", ".pb.h", "_pb2.py")) or (
                file.suffix in CODE | {".mlir"} and mark.search(file.text)):
            yield file.path, 1, "generated code is made by the build, not committed"


@rule("commented-out-code",
      {"a.cpp": "// foo(bar, 1);\nint a; // if (x) {\n", "a.py": "# print(x)\n"},
      {"a.cpp": "/// f(x);\n// For each row (there are n of them); see f().\n//   x = y[i];\n",
       "a.py": "# print it, or return.\n"})
def commented_out_code(repository):
    cpp = re.compile(r"(?<![:/])// ?(?:(?:if|for|while|switch) \(.*\) \{|\} else \{|\}|return\b.*;|"
                     r"[\w:.>-]+\(.*\);|(?:[\w:<>*&]+ )+[*&]?\w+ = .*;|#include .*)$")
    python = re.compile(r"# ?(?:import \w+|from \w+ import .*|print\(.*\)|def \w+\(.*:|"
                        r"\w+ = [\w.]+\(.*\))$")
    for suffixes, pattern in ((CPP, cpp), ({".py"}, python)):
        for file in files_of(repository, suffixes):
            for number, line in enumerate(file.lines, 1):
                if pattern.search(line.rstrip()):
                    yield file.path, number, "commented-out code; the history keeps it"


@rule("dead-link", {"a.md": "[b](docs/b.md)\n"},
      {"a.md": "[b](docs/b.md#top) [c](https://c) [d](docs/)\n", "docs/b.md": ""})
def dead_link(repository):
    folders = {posixpath.dirname(path) for path in repository}
    for file in files_of(repository, {".md"}):
        for number, line in enumerate(file.lines, 1):
            for target in re.findall(r"\]\(([^)#\s]+)", line):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), target))
                inside = any(folder == path or folder.startswith(path + "/") for folder in folders)
                if "://" not in target and path not in repository and not inside:
                    yield file.path, number, f"the link to {target} leads nowhere"
