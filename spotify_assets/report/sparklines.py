"""Little lines of a song's run, as SVG that needs no script."""

from __future__ import annotations

from collections.abc import Collection, Sequence

WIDTH, HEIGHT, MARGIN = 120, 26, 3


def sparkline(run: Sequence[Sequence[int]], first: int, last: int, size: int, gaps: Collection[int]) -> str:
    """A run as SVG, best places at the top; broken where the song was not on the chart and where editions are missing.

    Args:
        run: pairs of edition number and position, in order.
        first: the edition at the left edge.
        last: the edition at the right edge.
        size: the place at the bottom.
        gaps: editions right before which others are missing.
    """
    across = (WIDTH - 2 * MARGIN) / max(1, last - first)
    down = (HEIGHT - 2 * MARGIN) / max(1, size - 1)
    points = [
        (number, f"{MARGIN + (number - first) * across:.1f},{MARGIN + (position - 1) * down:.1f}")
        for number, position in run
    ]
    lines: list[list[str]] = []
    before = None
    for number, point in points:
        if before is None or number > before + 1 or number in gaps:
            lines.append([])
        lines[-1].append(point)
        before = number
    drawn = "".join(f'<polyline points="{" ".join(line)}"/>' for line in lines if len(line) > 1)
    drawn += "".join(_dot(line[0]) for line in lines if len(line) == 1)
    end = _dot(points[-1][1]) if points else ""
    return (
        f'<svg class="sparkline" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f"{drawn}{end}</svg>"
    )


def _dot(point: str) -> str:
    x, y = point.split(",")
    return f'<circle cx="{x}" cy="{y}" r="2"/>'
