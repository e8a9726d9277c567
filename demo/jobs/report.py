"""Publishes the weather report of one logical date: index.html, a page that needs nothing else.

Reads the combined monthly table and, where given, the clean days, the usual day of each month, and the extremes.
"""

from calendar import month_name
from datetime import date
from statistics import fmean

from charts import Month, bar_chart, degrees, heat_legend, heat_map, month_label, of_year, temperature_chart
from page import chart, logical_date, long_date, render, section, table, tiles
from storage import Row, Storage, arguments, log, run

LEGEND = """<p class="legend"><span><i class="line" style="background:var(--accent)"></i>Mean</span>
<span><i style="background:var(--usual)"></i>Usual day: mean low to mean high</span>
<span><i style="background:var(--extremes)"></i>Lowest to highest of the month</span></p>"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="monthly", required=True, metavar="PREFIX", help="combined monthly table")
    parser.add_argument("--date", type=logical_date, required=True, help="logical date: a day or an instant")
    parser.add_argument("--observations", metavar="PREFIX", help="clean daily observations")
    parser.add_argument("--temperatures", metavar="PREFIX", help="temperatures by month and hour")
    parser.add_argument("--extremes", metavar="PREFIX", help="extremes.json")
    options = parser.parse_args()
    storage = Storage(options.root)
    monthly = storage.numbers(options.monthly)

    sources = {"months": options.monthly}
    sections = []
    if options.extremes:
        sources["extremes"] = options.extremes
        sections.append(extremes_section(storage.json(options.extremes, "extremes.json")))
    sections += [temperature_section(monthly), precipitation_section(monthly)]
    if options.temperatures:
        sources["hours"] = options.temperatures
        sections.append(hours_section(storage.numbers(options.temperatures)))
    if options.observations:
        sources["days"] = options.observations
        sections += day_section(storage.rows(options.observations), options.date)
    sections.append(table_section(monthly))

    years = sorted({int(month["year"]) for month in monthly})
    page = render(
        title=f"Seattle weather, {long_date(options.date)}",
        eyebrow="weather / daily_report",
        lead=f"What {sum(int(month['days']) for month in monthly):,} days of observations, {years[0]} to {years[-1]}, "
             "say about temperature and precipitation in Seattle.",
        sections=sections, sources=sources,
    )
    with storage.replacing(options.out) as directory:
        (directory / "index.html").write_text(page, encoding="utf-8")
    log(f"published the report of {options.date}, {len(monthly)} months, as {options.out}/index.html")


def extremes_section(extremes: dict) -> str:
    figures = []
    for name, key, unit in (("Warmest day", "warmest", "°C"), ("Coldest day", "coldest", "°C"), ("Wettest day", "wettest", "mm")):
        record = extremes[key]
        figures.append((name, f"{record['value']:.1f}".replace("-", "−"), unit, long_date(record["date"])))
    if dry := extremes["longest_dry_spell"]:
        figures.append(("Longest dry spell", str(dry["days"]), "days", f"until {long_date(dry['last'])}"))
    return tiles(figures, "Extremes")


def temperature_section(monthly: list[Month]) -> str:
    warmest, coldest = max(monthly, key=by("temp_mean")), min(monthly, key=by("temp_mean"))
    lead = (f"{month_label(warmest)} was the warmest month, {degrees(warmest['temp_mean'])} on average; "
            f"{month_label(coldest)} the coldest, {degrees(coldest['temp_mean'])}.")
    return section("Temperature by month", lead, LEGEND, chart(temperature_chart(monthly, f"Temperature by month. {lead}")))


def precipitation_section(monthly: list[Month]) -> str:
    wettest, driest = max(monthly, key=by("precipitation")), min(monthly, key=by("precipitation"))
    lead = (f"{month_label(wettest)} brought the most, {wettest['precipitation']:.0f} mm on {wettest['wet_days']:.0f} wet days; "
            f"{month_label(driest)} the least, {driest['precipitation']:.0f} mm.")
    drawing = bar_chart(monthly, "precipitation", f"Precipitation by month. {lead}", "mm", 100,
                        lambda month: f"{month['precipitation']:.1f} mm on {month['wet_days']:.0f} wet days")
    return section("Precipitation by month", lead, chart(drawing))


def hours_section(hours: list[Month]) -> str:
    warmest = max(hours, key=by("temp_mean"))
    lead = (f"Mean temperature by month and hour of the day. The warmest hour of the year is {warmest['hour']:02.0f}:00 in "
            f"{month_name[int(warmest['month'])]}, {degrees(warmest['temp_mean'])}.")
    return section("The usual day", lead, heat_legend(hours), chart(heat_map(hours, lead)))


def day_section(days: list[Row], logical: date) -> list[str]:
    """The same day of the year, in each year that has it."""
    same = [day for day in days if day["date"][5:] == f"{logical:%m-%d}"]
    if not same:
        return []
    body = [[f"{day['date'][:4]}, {day['weather']}", degrees(float(day["temp_min"])), degrees(float(day["temp_max"])),
             f"{float(day['precipitation']):.1f} mm", f"{float(day['wind']):.1f} m/s"] for day in same]
    head = "<tr>" + "".join(f'<th scope="col">{name}</th>' for name in ("Year", "Low", "High", "Precipitation", "Wind")) + "</tr>"
    heading = f"{logical.day} {logical:%B} in other years"
    return [section(heading, "What was observed on this day of the year.", table(heading, head, body))]


def table_section(monthly: list[Month]) -> str:
    """Months down, years across; the last line is the year's mean and sum."""
    years = sorted({int(month["year"]) for month in monthly})
    cells = {(month["year"], month["month"]): month for month in monthly}
    body = []
    for number in range(1, 13):
        line = [month_name[number]]
        for year in years:
            month = cells.get((year, number))
            line += [f"{month['temp_mean']:.1f}".replace("-", "−"), f"{month['precipitation']:.1f}"] if month else ["–", "–"]
        body.append(line)
    foot = ["Year"]
    for year in years:
        own = of_year(monthly, year)
        foot += [f"{fmean(month['temp_mean'] for month in own):.1f}", f"{sum(month['precipitation'] for month in own):,.1f}"]
    head = '<tr><td></td>' + "".join(f'<th scope="colgroup" colspan="2">{year}</th>' for year in years) + "</tr>"
    head += '<tr><th scope="col">Month</th>' + '<th scope="col" class="first">°C</th><th scope="col">mm</th>' * len(years) + "</tr>"
    return section("All months", "Mean temperature and sum of precipitation.",
                   table("Mean temperature and precipitation by month and year", head, body, foot, first=set(range(1, 2 * len(years), 2))))


def by(column: str):
    return lambda row: row[column]


if __name__ == "__main__":
    run(main)
