"""The table, the figures as JSON, and the plot."""

import json
import statistics
from dataclasses import asdict
from html import escape
from pathlib import Path

from .measure import Row

COLUMNS = ("seconds", "× real time", "of the baseline's time", "WER %", "CPU s", "peak MB", "runs")
HEAD = f"| audio | what | {' | '.join(COLUMNS)} |\n| --- | --- {'| ---: ' * len(COLUMNS)}|"


def table(scenario: str, rows: list[Row], notes: list[str]) -> str:
    lines = [f"### {scenario}", ""]
    if rows:
        lines += [HEAD, *map(_line, rows), ""]
    return "\n".join([*lines, *(f"- {note}" for note in notes), ""])


def _line(row: Row) -> str:
    ratio = "baseline" if row.subject == row.baseline else spread(row.ratios, 2)
    cells = [
        row.audio,
        row.subject,
        spread(row.seconds, 2),
        f"{row.audio_seconds / row.median:.0f}",
        ratio,
        "–" if row.errors is None else f"{row.errors:.1f}",
        f"{statistics.median(row.cpu):.1f}" if row.cpu else "–",
        f"{max(row.peak):.0f}" if row.peak else "–",
        str(len(row.seconds)),
    ]
    return f"| {' | '.join(cells)} |"


def spread(values: list[float], digits: int) -> str:
    if not values:
        return "–"
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def save(folder: Path, scenario: str, rows: list[Row], notes: list[str], about: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kept = [{key: value for key, value in asdict(row).items() if key != "texts"} for row in rows]
    texts = {f"{row.audio} / {row.subject}": row.texts for row in rows}
    whole = {"about": about, "scenario": scenario, "rows": kept, "notes": notes, "texts": texts}
    (folder / f"{scenario}.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def plot(path: Path, rows: list[Row]) -> None:
    """An SVG with a bar per row, as long as its median, a line from its minimum to its maximum, and a scale
    per scenario."""
    width, bar, left, right = 1000, 18, 430, 190
    drawn, y = [], 30
    for scenario in dict.fromkeys(row.scenario for row in rows):
        group = [row for row in rows if row.scenario == scenario]
        scale = (width - left - right) / max(max(row.seconds) for row in group)
        drawn.append(f'<text x="10" y="{y}" font-weight="bold">{escape(scenario)}</text>')
        y += 10
        for row in group:
            least, most = (left + value * scale for value in (min(row.seconds), max(row.seconds)))
            colour = "#3b7dd8" if row.subject.startswith("ours") else "#b0b0b0"
            name = escape(f"{row.subject}: {row.audio}")
            label = f"{row.median:.2f} s" + ("" if row.errors is None else f", WER {row.errors:.1f} %")
            drawn += [
                f'<text x="{left - 8}" y="{y + bar - 5}" text-anchor="end">{name}</text>',
                f'<rect x="{left}" y="{y}" width="{row.median * scale:.1f}" height="{bar - 4}" '
                f'fill="{colour}"/>',
                f'<path d="M{least:.1f} {y + bar / 2 - 2}H{most:.1f}" stroke="black"/>',
                f'<text x="{most + 8:.1f}" y="{y + bar - 5}">{escape(label)}</text>',
            ]
            y += bar
        y += 30
    body = "\n".join(drawn)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{y}" fill="white"/>\n{body}\n</svg>\n'
    )
