"""The rows of the drills as lines of the Markdown table in docs/failures.md."""

from pathlib import Path

from bench.drills.env import Row


def line(row: Row) -> str:
    errors = ", ".join(f"{number} × {kind}" for kind, number in row.errors.most_common()) or "none"
    recovered = _recovered(row.recovered) if row.recovered else "not by itself"
    what = "; ".join([row.what, *row.notes])
    memory = f"{row.memory[0]:.0f} → {row.memory[1]:.0f}"
    cells = [row.name, what, recovered, f"{row.acknowledged:,}, **{row.lost}**", errors, memory, row.ready]
    return f"| {' | '.join(cells)} |"


def _recovered(after: dict[str, float]) -> str:
    parts = [f"{step} {after[step]:.1f}" for step in ("read", "sign-up", "SMS")]
    return f"{max(after.values()):.1f} s ({', '.join(parts)})"


def merge(text: str, lines: list[str]) -> str:
    """Replace the lines of these drills in the text's table. New drills go to the end of the table."""
    kept = text.splitlines()
    for new in lines:
        name = new.split(" | ")[0]
        places = [number for number, old in enumerate(kept) if old.split(" | ")[0] == name]
        if places:
            kept[places[0]] = new
        else:
            at = max(number for number, old in enumerate(kept) if old.startswith("|"))
            kept.insert(at + 1, new)
    return "\n".join(kept) + "\n"


def write(page: Path, results: Path, lines: list[str], last: str) -> None:
    """Put the lines into both tables. `last` describes the run that they come from."""
    page.write_text(merge(page.read_text(), lines))
    title, _, rest = results.read_text().partition("\n")
    results.write_text(f"{title.partition('; the last: ')[0]}; the last: {last}\n{merge(rest, lines)}")
