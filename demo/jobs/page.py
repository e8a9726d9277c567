"""Puts the parts of a report together as one HTML file that needs nothing else: style and charts are inside it."""

from datetime import date, datetime
from html import escape
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">{eyebrow}</p>
<h1>{title}</h1>
<p class="lead">{lead}</p>
</header>
{sections}
<footer>
{footer}
</footer>
</main>
</body>
</html>
"""


def render(title: str, eyebrow: str, lead: str, sections: list[str], sources: dict[str, str]) -> str:
    """Returns the page; sources say which prefix each input was read from."""
    origin = ", ".join(f"{escape(name)} <code>{escape(prefix)}</code>" for name, prefix in sources.items())
    return PAGE.format(
        title=escape(title), eyebrow=escape(eyebrow), lead=escape(lead), sections="\n".join(sections),
        style=Path(__file__).with_name("page.css").read_text(encoding="utf-8"),
        footer=f"<p>Observations: National Oceanic and Atmospheric Administration (NOAA), public domain.</p>\n<p>Read from {origin}.</p>",
    )


def section(heading: str, lead: str, *content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n<p>{escape(lead)}</p>\n" + "\n".join(content) + "\n</section>"


def chart(drawing: str) -> str:
    # Focusable, so that a keyboard can scroll it on a narrow screen.
    return f'<div class="chart" tabindex="0">{drawing}</div>'


def tiles(figures: list[tuple[str, str, str, str]], heading: str) -> str:
    """Returns a row of figures: name, number, unit, detail."""
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd class="figure">{escape(number)} <small>{escape(unit)}</small></dd>'
        f'<dd class="detail">{escape(detail)}</dd></div>'
        for name, number, unit, detail in figures
    )
    return f'<section aria-label="{escape(heading)}" class="tiles"><dl>{cells}</dl></section>'


def table(caption: str, head: str, body: list[list[str]], foot: list[str] | None = None, first: set[int] = frozenset()) -> str:
    """Returns a table; the first cell of each row is its header, columns in `first` open a group."""
    def line(cells: list[str]) -> str:
        columns = "".join(f'<td{" class=first" if index in first else ""}>{escape(cell)}</td>' for index, cell in enumerate(cells[1:], 1))
        return f'<tr><th scope="row">{escape(cells[0])}</th>{columns}</tr>'

    footer = f"<tfoot>{line(foot)}</tfoot>" if foot else ""
    rows = "\n".join(map(line, body))
    return (f'<div class="scroll" tabindex="0"><table><caption>{escape(caption)}</caption>\n<thead>{head}</thead>\n'
            f"<tbody>\n{rows}\n</tbody>{footer}</table></div>")


def logical_date(text: str) -> date:
    """Parses a logical date, given as a day or as an instant in the workflow's zone."""
    return datetime.fromisoformat(text).date()


def long_date(day: date | str) -> str:
    """2 March 2026."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{day.day} {day:%B %Y}"
