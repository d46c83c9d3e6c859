"""Plots as SVG, made by hand: lines over logarithmic axes, and bars. They read in light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 40, 50
COLOURS = ("#888888", "#3b82c4", "#d1495b", "#2e9e6b", "#b7791f", "#7c5cbf")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#444}"
    ".grid{stroke:#8884;stroke-width:1}.title{font-weight:600;font-size:15px}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}}"
)


def lines(title: str, across: str, up: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines by name, each a sequence of points, both axes logarithmic. Values below 1e-3 are drawn there."""
    points = [point for line in series.values() for point in line]
    if not points:
        return _svg(title, [])
    xs, ys = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT), _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [*_grid(xs, ys), _text(LEFT, HEIGHT - 10, across), _text(8, TOP - 8, up)]
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{xs.at(x):.1f},{ys.at(y):.1f}" for x, y in sorted(line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{xs.at(x):.1f}" cy="{ys.at(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        parts.append(_text(WIDTH - RIGHT + 14, TOP + 20 * number + 12, name, colour))
    return _svg(title, parts)


def bars(title: str, unit: str, values: Mapping[str, float]) -> str:
    """One bar a name, from zero."""
    longest = max(values.values(), default=1.0)
    parts = []
    for number, (name, value) in enumerate(values.items()):
        y, colour = TOP + 20 + 44 * number, COLOURS[number % len(COLOURS)]
        width = (WIDTH - RIGHT - 200) * value / longest
        parts.append(_text(8, y + 18, name))
        parts.append(f'<rect x="220" y="{y}" width="{width:.1f}" height="26" rx="3" fill="{colour}"/>')
        parts.append(_text(228 + width, y + 18, f"{value:,.3g} {unit}"))
    return _svg(title, parts)


class _Axis:
    """Values to pixels, by their logarithm."""

    def __init__(self, values: Sequence[float], start: float, stop: float) -> None:
        self.low = math.floor(_log(min(values)))
        self.high = max(math.ceil(_log(max(values))), self.low + 1)
        self._start, self._stop = start, stop

    def at(self, value: float) -> float:
        share = (_log(value) - self.low) / (self.high - self.low)
        return self._start + share * (self._stop - self._start)

    @property
    def marks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _log(value: float) -> float:
    return math.log10(max(value, 1e-3))


def _grid(xs: _Axis, ys: _Axis) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    found = []
    for mark in xs.marks:
        found.append(f'<line class="grid" x1="{xs.at(mark):.1f}" x2="{xs.at(mark):.1f}" y1="{TOP}" y2="{bottom}"/>')
        found.append(_text(xs.at(mark) - 8, bottom + 18, f"{mark:,g}"))
    for mark in ys.marks:
        found.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{ys.at(mark):.1f}" y2="{ys.at(mark):.1f}"/>')
        found.append(_text(8, ys.at(mark) + 4, f"{mark:,g}"))
    return found


def _text(x: float, y: float, words: str, colour: str = "") -> str:
    style = f' style="fill:{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{style}>{escape(words)}</text>'


def _svg(title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    name = f'<title>{escape(title)}</title><text class="title" x="8" y="18">{escape(title)}</text>'
    return "\n".join([head, f"<style>{STYLE}</style>", name, *parts, "</svg>"]) + "\n"
