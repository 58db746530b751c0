#!/usr/bin/env python3
"""Draws tokens/s against batch, depth or threads: ours, the peer's and the limit.

    tools/plot-benchmarks.py DATA.json...      writes each figure beside its data, as FIGURE.svg

DATA.json (docs/benchmarks/README.md explains it):

    {"figures": [{
       "file": "machine-batch",                name of the picture, without .svg
       "title": "Decode on two Zen 5 cores",
       "x": "batch",                           batch, depth or threads
       "panels": [{
         "title": "TinyLlama-1.1B Q4_K_M",
         "series": [{
           "name": "Tawny",
           "role": "ours",                     ours, peer or limit
           "points": [[1, 43.5], [8, 204.8, 1.2]]      x, tokens/s and, if known, the deviation
         }]}]}]}
"""

import json
import math
import os
import sys
from xml.sax.saxutils import escape

# Roles differ in colour, dash and marker at once. The colours are of the palette of Okabe and Ito,
# which colour-blind readers tell apart.
ROLES = {
    "ours": ("#0072B2", "", "circle"),
    "peer": ("#D55E00", "7 4", "square"),
    "limit": ("#666666", "2 3", None),
}
AXES = {
    "batch": "sequences in the batch",
    "depth": "tokens of context before",
    "threads": "threads",
}
INK, FAINT = "#222222", "#DDDDDD"
PANEL_WIDTH, PANEL_HEIGHT = 400, 290
LEFT, RIGHT, TOP, BOTTOM = 62, 46, 34, 48
HEAD = 66  # the title and the legend above all panels
COLUMNS = 2


class DataError(Exception):
    """What is wrong with a data file."""


def expect(good, where, expected, found):
    if not good:
        raise DataError(f"{where}: expected {expected}, found {json.dumps(found)}")


def field(table, key, kind, where):
    expect(isinstance(table, dict), where, "an object", table)
    value = table.get(key)
    expect(isinstance(value, kind) and value, f"{where}, '{key}'",
           "a list with entries" if kind is list else "a text", value)
    return value


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_series(series, where):
    name = field(series, "name", str, where)
    role = field(series, "role", str, where)
    expect(role in ROLES, f"{where}, 'role'", "one of " + ", ".join(ROLES), role)
    points = []
    for point in field(series, "points", list, where):
        expect(isinstance(point, list) and len(point) in (2, 3) and all(map(is_number, point))
               and min(point) >= 0, f"{where}, a point of '{name}'",
               "x, tokens/s and perhaps a deviation, all at least 0", point)
        points.append((point[0], point[1], point[2] if len(point) == 3 else 0))
    return {"name": name, "role": role, "points": sorted(points)}


def read_figures(path):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
    figures = []
    for index, figure in enumerate(field(data, "figures", list, f"'{path}'")):
        where = f"'{path}': figure {index}"
        x = field(figure, "x", str, where)
        expect(x in AXES, f"{where}, 'x'", "one of " + ", ".join(AXES), x)
        name = field(figure, "file", str, where)
        expect(os.path.basename(name) == name, f"{where}, 'file'", "a name without a folder", name)
        panels = []
        for number, panel in enumerate(field(figure, "panels", list, where)):
            place = f"{where}, panel {number}"
            panels.append({
                "title": field(panel, "title", str, place),
                "series": [read_series(series, f"{place}, series {i}")
                           for i, series in enumerate(field(panel, "series", list, place))],
            })
        figures.append({"file": name, "title": field(figure, "title", str, where), "x": x,
                        "panels": panels})
    return figures


def round_ticks(largest):
    """About five round numbers from 0 to at least `largest`."""
    step = 10 ** math.floor(math.log10(largest / 4)) if largest > 0 else 1
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if factor * step * 5 >= largest)
    return [step * i for i in range(math.ceil(largest / step - 1e-9) + 1)]


def show(number):
    """A number as people write it, with as many digits as a benchmark has."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}".replace(",", "\u2009")
    return f"{number:.3g}"


def text(x, y, content, size=12, anchor="middle", colour=INK, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}"{extra}>{escape(content)}</text>')


def line(x1, y1, x2, y2, colour, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"{dashes}/>')


def marker(shape, x, y, colour):
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    if shape == "square":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
    return ""


class Panel:
    """Maps data to a rectangle of the picture and draws there."""

    def __init__(self, panel, axis, left, top):
        self.panel, self.axis = panel, axis
        self.left, self.right = left + LEFT, left + PANEL_WIDTH - RIGHT
        self.top, self.bottom = top + TOP, top + PANEL_HEIGHT - BOTTOM
        points = [point for series in panel["series"] for point in series["points"]]
        self.xs = sorted({x for x, _, _ in points})
        # Batches double; depths and threads, which may be 0, are counted.
        self.log = axis == "batch" and self.xs[0] > 0 and len(self.xs) > 1
        self.ticks = round_ticks(max(y + deviation for _, y, deviation in points))

    def x(self, value):
        first, last = self.xs[0], self.xs[-1]
        if first == last:
            return (self.left + self.right) / 2
        if self.log:
            share = math.log(value / first) / math.log(last / first)
        else:
            share = (value - first) / (last - first)
        return self.left + 8 + share * (self.right - self.left - 16)

    def y(self, value):
        return self.bottom - value / (self.ticks[-1] or 1) * (self.bottom - self.top)

    def draw(self):
        yield text((self.left + self.right) / 2, self.top - 14, self.panel["title"], 13,
                   extra=' font-weight="bold"')
        for tick in self.ticks:
            yield line(self.left, self.y(tick), self.right, self.y(tick), FAINT)
            yield text(self.left - 8, self.y(tick) + 4, show(tick), 11, "end")
        yield line(self.left, self.bottom, self.right, self.bottom, INK)
        previous = -math.inf
        for value in self.xs:
            x = self.x(value)
            yield line(x, self.bottom, x, self.bottom + 4, INK)
            if x - previous > 24:  # labels that would touch are left out
                yield text(x, self.bottom + 17, show(value), 11)
                previous = x
        yield text((self.left + self.right) / 2, self.bottom + 36, AXES[self.axis])
        middle = (self.top + self.bottom) / 2
        yield text(self.left - 48, middle, "tokens per second",
                   extra=f' transform="rotate(-90 {self.left - 48:.1f} {middle:.1f})"')
        yield from self.curves()
        yield from self.last_values()

    def curves(self):
        # The limit lies behind, ours in front.
        for role in reversed(ROLES):
            colour, dash, shape = ROLES[role]
            for series in self.panel["series"]:
                if series["role"] != role:
                    continue
                places = [(self.x(x), self.y(y)) for x, y, _ in series["points"]]
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
                dashes = f' stroke-dasharray="{dash}"' if dash else ""
                yield (f'<polyline points="{path}" fill="none" stroke="{colour}" '
                       f'stroke-width="2"{dashes}/>')
                for (x, y), (_, value, deviation) in zip(places, series["points"]):
                    if deviation:
                        yield line(x, self.y(value - deviation), x, self.y(value + deviation),
                                   colour, 1.5)
                    yield marker(shape, x, y, colour)

    def last_values(self):
        """The last number of each curve at its end, apart from each other."""
        ends = []
        for series in self.panel["series"]:
            x, y, _ = series["points"][-1]
            ends.append((self.y(y), self.x(x), show(y), ROLES[series["role"]][0]))
        lowest = -math.inf
        for y, x, value, colour in sorted(ends):
            lowest = max(y + 4, lowest + 13)
            yield text(x + 8, lowest, value, 11, "start", colour)


def legend(figure, width):
    """The names of all series, each once, in the order of roles."""
    names = []
    for role in ROLES:
        for panel in figure["panels"]:
            for series in panel["series"]:
                if series["role"] == role and (series["name"], role) not in names:
                    names.append((series["name"], role))
    widths = [62 + 7 * len(name) for name, _ in names]
    x, y = (width - sum(widths)) / 2, HEAD - 14
    for (name, role), space in zip(names, widths):
        colour, dash, shape = ROLES[role]
        yield line(x, y - 4, x + 30, y - 4, colour, 2, dash)
        yield marker(shape, x + 15, y - 4, colour)
        yield text(x + 36, y, name, 12, "start")
        x += space


def draw(figure):
    panels = figure["panels"]
    columns = min(COLUMNS, len(panels))
    width = columns * PANEL_WIDTH
    height = HEAD + math.ceil(len(panels) / columns) * PANEL_HEIGHT
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif">')
    yield f'<title>{escape(figure["title"])}</title>'
    yield f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>'
    yield text(width / 2, 26, figure["title"], 16, extra=' font-weight="bold"')
    yield from legend(figure, width)
    for index, panel in enumerate(panels):
        left = index % columns * PANEL_WIDTH
        top = HEAD + index // columns * PANEL_HEIGHT
        yield from Panel(panel, figure["x"], left, top).draw()
    yield "</svg>"


def main(paths):
    if not paths or paths[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr if not paths else sys.stdout)
        return 2 if not paths else 0
    try:
        for path in paths:
            for figure in read_figures(path):
                target = os.path.join(os.path.dirname(path), figure["file"] + ".svg")
                with open(target, "w", encoding="utf-8") as picture:
                    picture.write("\n".join(draw(figure)) + "\n")
                print(target)
    except (DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
