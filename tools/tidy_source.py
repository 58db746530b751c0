"""Source files as tidy's rules see them: C++ text without comments and literals, and the
declarations and bodies found in it by matching braces."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

CPP = {".h", ".cpp"}
CODE = CPP | {".td", ".fbs", ".py", ".sh", ".cmake"}
BINARY = (".gguf", ".safetensors", ".png", ".tawny", ".model")

# A literal or comment of C++, or any other single character.
TOKEN = re.compile(
    r'(?P<raw>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<number>\b\d[\w.']*)"
    r'|(?P<literal>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r"|(?P<directive>^[ \t]*#(?:\\\n|[^\n])*)",
    re.S | re.M,
)


def blank(match):
    """Spaces in place of what a token says, so that lines and columns stay; quotes remain."""
    text = match.group(0)
    if match.lastgroup == "number":
        return text
    spaces = re.sub(r"[^\n]", " ", text)
    return '""' + spaces[2:] if match.lastgroup == "literal" else spaces


@dataclass
class Block:
    """A declaration (no body) or a definition with its body, outside of any function."""

    head: str
    first: int  # 1-based line on which the head starts
    last: int
    kind: str  # "declaration", "function" or "type"
    in_type: bool


def kind_of(head):
    """What an opening brace after `head` opens: scope, type, function or init(ialiser)."""
    bare = re.sub(r"\[\[.*?\]\]", "", head).strip()
    bare = re.sub(r"^template\s*<.*?>\s*(?=\w)", "", bare)
    if re.match(r"(inline\s+)?namespace\b", bare) or re.fullmatch(r'extern\s*""', bare):
        return "scope"
    if re.match(r"(typedef\s+)?(class|struct|union|enum)\b", bare) and not bare.endswith(")"):
        return "type"
    if bare.count("(") != bare.count(")") or "(" not in bare:
        return "init"
    flat = bare
    while re.search(r"\([^()]*\)", flat):
        flat = re.sub(r"\([^()]*\)", "", flat)
    flat = re.sub(r"operator\s*[^\w\s]+", "operator", flat)
    # `= [](int x) {` initialises; so does the member brace in `: first{a}, second{b}`.
    is_member = re.search(r"[^:]:(?!:).*[\w>]$|,\s*\w+$", flat) and not bare.endswith(")")
    if "=" in flat or (is_member and not re.search(r"\b(const|noexcept|override|final)$", flat)):
        return "init"
    return "function"


class File:
    """One text file: its path below the repository's root, and views of what it says."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.name = PurePosixPath(path).name
        self.suffix = ".cmake" if self.name == "CMakeLists.txt" else PurePosixPath(path).suffix
        self.lines = text.split("\n")

    @cached_property
    def code(self):
        return TOKEN.sub(blank, self.text)

    @cached_property
    def includes(self):
        """(line, quote, path) of each #include."""
        pattern = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
        found = ((n, pattern.match(line)) for n, line in enumerate(self.lines, 1))
        return [(n, m.group(1), m.group(2)) for n, m in found if m]

    @cached_property
    def blocks(self):
        """Declarations and bodies at namespace or class scope, in order of their ends."""
        found, stack, head, first, line, named = [], [], "", 0, 1, False
        for char in self.code:
            line += char == "\n"
            outside = all(kind in ("scope", "type") for kind, _, _ in stack)
            in_type = any(kind == "type" for kind, _, _ in stack)
            if char == "{":
                stack.append((kind_of(head) if outside else "init", head, first))
                head, named = "", False
            elif char == "}" and stack:
                kind, opened, began = stack.pop()
                outside = all(outer in ("scope", "type") for outer, _, _ in stack)
                in_type = any(outer == "type" for outer, _, _ in stack)
                if kind in ("function", "type") and outside:
                    found.append(Block(opened.strip(), began, line, kind, in_type))
                # An initialiser is part of a longer head, as in `void f(Options o = {});`, and a
                # type's end may be followed by the name that a typedef gives it.
                head, first = (opened + "{}", began) if kind == "init" else ("", 0)
                named = kind == "type"
            elif char == ";":
                if outside and head.strip() and not named:
                    found.append(Block(head.strip(), first, line, "declaration", in_type))
                head, named = "", False
            elif not head.strip():
                head, first = char, line
            else:
                head += char
            # `public:` is not part of what follows.
            if char == ":" and re.fullmatch(r"\s*(public|private|protected)\s*:", head):
                head = ""
        return found
