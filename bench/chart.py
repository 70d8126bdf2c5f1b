"""Goals and what was found of them, as a picture in SVG: readable on light and dark, its text as text."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.report import Goal

ROW, LEFT, RIGHT, TOP = 28, 400, 210, 60
# Pixels from nothing to what is wanted; a bar ends at MOST times that.
SCALE = 170

MOST = 2.0
STYLE = """
text { font: 14px sans-serif; fill: #1f2328 }
.name { text-anchor: end }
.wanted { stroke: #1f2328; stroke-dasharray: 4 3 }
.reached { fill: #2da44e }
.short { fill: #bf8700 }
.range { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .wanted, .range { stroke: #e6edf3 } }
"""


def picture(goals: list[Goal]) -> str:
    """Of each ratio, how far it is on the way to the least that is wanted of it."""
    shown = [goal for goal in goals if goal.unit == "x" and goal.found]
    width, height = LEFT + round(SCALE * MOST) + RIGHT, TOP + ROW * len(shown) + 10
    root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img")
    ElementTree.SubElement(root, "title").text = "The service's rate over that of others, and what is wanted"
    ElementTree.SubElement(root, "style").text = STYLE
    _text(root, 10, 24, "Requests a second, the first over the second: median of the rounds, least and most")
    _text(root, LEFT + SCALE - 28, TOP - 10, "wanted")
    _line(root, LEFT + SCALE, TOP - 4, LEFT + SCALE, height - 10, "wanted")
    for number, goal in enumerate(shown):
        _row(root, TOP + number * ROW, goal)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _row(root: ElementTree.Element, top: int, goal: Goal) -> None:
    assert goal.found is not None
    least, median, most = (_x(value / goal.wanted) for value in (goal.found.least, goal.found.median, goal.found.most))
    _text(root, LEFT - 10, top + 18, goal.name, "name")
    bar = {"x": LEFT, "y": top + 4, "width": median - LEFT, "height": ROW - 8}
    mark = {"class": "reached" if goal.reached else "short"}
    ElementTree.SubElement(root, "rect", {name: str(value) for name, value in bar.items()} | mark)
    _line(root, least, top + ROW / 2, most, top + ROW / 2, "range")
    verdict = "" if goal.reached else ", short"
    beyond = LEFT + SCALE * MOST + 10
    _text(root, beyond, top + 18, f"{goal.found.median:.2f} of {goal.wanted:g}{' (an aim)' * goal.aim}{verdict}")


def _x(share: float) -> float:
    return round(LEFT + SCALE * min(MOST, share), 1)


def _text(root: ElementTree.Element, x: float, y: float, words: str, kind: str = "") -> None:
    attributes = {"x": str(x), "y": str(y)} | ({"class": kind} if kind else {})
    ElementTree.SubElement(root, "text", attributes).text = words


def _line(root: ElementTree.Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    ElementTree.SubElement(root, "line", {name: str(value) for name, value in ends.items()} | {"class": kind})
