"""Draws the charts of a report as inline SVG: no script, no library, colours from the page's style sheet.

Charts over months share one layout, a panel for each year side by side, so that seasons line up between charts
that stand below each other. Every mark has a <title>, which browsers show on hover and screen readers read.
"""

from calendar import month_abbr, month_name
from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor
from statistics import fmean

Month = dict[str, float]  # one row of a monthly table, numbers parsed

WIDTH, LEFT, RIGHT, GAP = 960, 62, 2, 18
HEAT_STEPS = 9  # as many as the style sheet has --heat colours; odd, so the middle one is neutral


class Panels:
    """Where months and values lie: one panel a year, one scale for all of them."""

    def __init__(self, months: Sequence[Month], low: float, high: float, step: float, height: int):
        self.years = sorted({int(month["year"]) for month in months})
        self.low, self.high, self.step = floor(low / step) * step, ceil(high / step) * step, step
        self.height, self.top, self.bottom = height, 34, height - 28
        self.width = (WIDTH - LEFT - RIGHT - GAP * (len(self.years) - 1)) / len(self.years)
        self.slot = self.width / 12

    def left(self, year: float) -> float:
        return LEFT + self.years.index(int(year)) * (self.width + GAP)

    def x(self, month: Month) -> float:
        """The middle of a month's slot."""
        return self.left(month["year"]) + (month["month"] - 0.5) * self.slot

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def frame(self, unit: str, note: Callable[[int], str]) -> str:
        """Grid lines, the value axis, and each year's name, note and months."""
        parts = []
        for index in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + index * self.step
            y, kind = self.y(value), "zero" if value == 0 else "grid"
            parts += [f'<path class="{kind}" d="M{self.left(year):.1f},{y:.1f} h{self.width:.1f}"/>' for year in self.years]
            last = value + self.step > self.high
            parts.append(text(LEFT - 8, y + 4, f"{value:,.0f}{' ' + unit if last else ''}".rstrip().replace("-", "−"), "end"))
        for year in self.years:
            parts.append(f'<text class="year" x="{self.left(year):.1f}" y="16">{year}'
                         f'<tspan class="note" dx="8">{escape(note(year))}</tspan></text>')
            parts += [text(self.left(year) + (month - 0.5) * self.slot, self.bottom + 18, month_abbr[month]) for month in (1, 4, 7, 10)]
        return "".join(parts)

    def hover(self, months: Sequence[Month], describe: Callable[[Month], str]) -> str:
        """One invisible column a month, wide enough to point at."""
        return "".join(
            f'<rect class="hover" x="{self.x(month) - self.slot / 2:.1f}" y="{self.top}" '
            f'width="{self.slot:.1f}" height="{self.bottom - self.top}">'
            f"<title>{escape(month_label(month))}: {escape(describe(month))}</title></rect>"
            for month in months
        )


def temperature_chart(months: Sequence[Month], title: str) -> str:
    """Monthly mean as a line, the usual day and the extremes as bands around it, the two records labelled."""
    panels = Panels(months, min(m["temp_min"] for m in months), max(m["temp_max"] for m in months), 10, 300)
    parts = [panels.frame("°C", lambda year: f"mean {fmean(m['temp_mean'] for m in of_year(months, year)):.1f} °C")]
    for year in panels.years:
        own = of_year(months, year)
        parts.append(band(panels, own, "temp_min", "temp_max", "extremes"))
        parts.append(band(panels, own, "temp_mean_low", "temp_mean_high", "usual"))
        points = " ".join(f"{panels.x(m):.1f},{panels.y(m['temp_mean']):.1f}" for m in own)
        parts.append(f'<polyline class="mean" points="{points}"/>')
    parts.append(record_label(panels, max(months, key=lambda m: m["temp_max"]), "temp_max"))
    parts.append(record_label(panels, min(months, key=lambda m: m["temp_min"]), "temp_min"))
    parts.append(panels.hover(months, lambda m: (
        f"mean {degrees(m['temp_mean'])}, usual day {degrees(m['temp_mean_low'])} to {degrees(m['temp_mean_high'])}, "
        f"extremes {degrees(m['temp_min'])} and {degrees(m['temp_max'])}")))
    return svg(panels.height, title, "".join(parts))


def bar_chart(months: Sequence[Month], column: str, title: str, unit: str, step: float, describe: Callable[[Month], str]) -> str:
    """One bar a month from zero, the year's sum beside its name, the highest bar labelled."""
    highest = max(months, key=lambda m: m[column])
    panels = Panels(months, 0, highest[column], step, 240)
    width = min(panels.slot - 3, 14)
    parts = [panels.frame(unit, lambda year: f"{sum(m[column] for m in of_year(months, year)):,.0f} {unit}".rstrip())]
    for month in months:
        x, y = panels.x(month) - width / 2, panels.y(month[column])
        # Only the end that carries the value is rounded; a bar stands flat on its axis.
        radius = min(3.0, panels.bottom - y)
        parts.append(f'<path class="bar" d="M{x:.1f},{panels.bottom} V{y + radius:.1f} q0,-{radius:.1f} {radius:.1f},-{radius:.1f} '
                     f'h{width - 2 * radius:.1f} q{radius:.1f},0 {radius:.1f},{radius:.1f} V{panels.bottom} Z"/>')
    # Towards the middle of its panel: above an outermost bar a centred label would leave it.
    shift, anchor = (width / 2, "end") if highest["month"] > 6 else (-width / 2, "start")
    parts.append(text(panels.x(highest) + shift, panels.y(highest[column]) - 6, f"{highest[column]:,.0f}", anchor, "value"))
    parts.append(panels.hover(months, describe))
    return svg(panels.height, title, "".join(parts))


def heat_map(hours: Sequence[Month], title: str) -> str:
    """Month by hour of the day, coloured by how far the mean lies below or above the year's."""
    middle = fmean(h["temp_mean"] for h in hours)
    reach = max(abs(h["temp_mean"] - middle) for h in hours)
    top, row, column = 8, 22, (WIDTH - LEFT - RIGHT) / 24
    parts = [text(LEFT - 8, top + (month - 0.5) * row + 4, month_abbr[month], "end") for month in range(1, 13)]
    parts += [text(LEFT + (hour + 0.5) * column, top + 12 * row + 18, f"{hour:02}:00") for hour in range(0, 24, 3)]
    for cell in hours:
        step = min(int((cell["temp_mean"] - middle + reach) / (2 * reach) * HEAT_STEPS), HEAT_STEPS - 1)
        parts.append(
            f'<rect class="cell" fill="var(--heat-{step})" '
            f'x="{LEFT + cell["hour"] * column + 1:.1f}" y="{top + (cell["month"] - 1) * row + 1:.1f}" '
            f'width="{column - 2:.1f}" height="{row - 2}" rx="2"><title>{month_name[int(cell["month"])]}, {int(cell["hour"]):02}:00: '
            f'mean {degrees(cell["temp_mean"])}, from {degrees(cell["temp_min"])} to {degrees(cell["temp_max"])}</title></rect>')
    return svg(top + 12 * row + 28, title, "".join(parts))


def heat_legend(hours: Sequence[Month]) -> str:
    """The colours of a heat map, from the coldest step to the warmest, with the temperatures at their ends."""
    middle = fmean(h["temp_mean"] for h in hours)
    reach = max(abs(h["temp_mean"] - middle) for h in hours)
    steps = "".join(f'<i style="background:var(--heat-{step})"></i>' for step in range(HEAT_STEPS))
    return (f'<p class="legend"><span>{degrees(middle - reach)}</span><span class="ramp" aria-hidden="true">{steps}</span>'
            f"<span>{degrees(middle + reach)}</span></p>")


def band(panels: Panels, months: Sequence[Month], low: str, high: str, name: str) -> str:
    above = [f"{panels.x(m):.1f},{panels.y(m[high]):.1f}" for m in months]
    below = [f"{panels.x(m):.1f},{panels.y(m[low]):.1f}" for m in reversed(months)]
    return f'<polygon class="{name}" points="{" ".join(above + below)}"/>'


def record_label(panels: Panels, month: Month, column: str) -> str:
    x, y = panels.x(month), panels.y(month[column])
    # Towards the middle of its panel: there is no room beside the outermost months.
    shift, anchor = (-10, "end") if month["month"] > 6 else (10, "start")
    return f'<circle class="record" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>{text(x + shift, y + 4, degrees(month[column]), anchor, "value")}'


def svg(height: float, title: str, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{content}</svg>'


def text(x: float, y: float, content: str, anchor: str = "middle", name: str = "axis") -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def degrees(value: float) -> str:
    """A temperature as people write it, with a true minus sign."""
    return f"{value:.1f} °C".replace("-", "−")


def month_label(month: Month) -> str:
    return f"{month_name[int(month['month'])]} {int(month['year'])}"


def of_year(months: Sequence[Month], year: float) -> list[Month]:
    return [month for month in months if month["year"] == year]
