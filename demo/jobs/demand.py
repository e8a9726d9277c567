"""Estimates how much heating each month needed, from another team's monthly temperatures.

A heating degree hour is an hour that was one degree below the temperature at which buildings start to heat. Hourly
temperatures say how the need follows from a month's mean; that relation, a least-squares line, then answers for every
month of the weather team's table, which is read by reference. Writes demand.csv, summary.json and index.html.
"""

from collections import defaultdict
from datetime import date
from statistics import correlation, fmean, linear_regression

from charts import Month, bar_chart, degrees, month_label, of_year
from page import chart, logical_date, long_date, render, section, tiles
from storage import JobError, Row, Storage, arguments, log, run, write_json, write_rows

COLUMNS = ["year", "month", "days", "temp_mean", "heating_degree_hours", "heating_degree_days"]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="hourly", required=True, metavar="PREFIX", help="clean hourly temperatures")
    parser.add_argument("--weather", required=True, metavar="PREFIX", help="the weather team's combined monthly table")
    parser.add_argument("--date", type=logical_date, required=True, help="logical date: a day or an instant")
    parser.add_argument("--base", type=float, default=18.0, help="heat below this temperature, in °C (default: 18)")
    options = parser.parse_args()
    storage = Storage(options.root)

    slope, intercept, fit = relation(storage.rows(options.hourly), options.base)
    months = [estimate(month, slope, intercept) for month in storage.numbers(options.weather)]
    totals = {int(year): round(sum(m["heating_degree_days"] for m in of_year(months, year)), 1)
              for year in sorted({m["year"] for m in months})}

    with storage.replacing(options.out) as directory:
        write_rows(directory / "demand.csv", COLUMNS, months)
        write_json(directory / "summary.json", {
            "base_celsius": options.base, "slope": round(slope, 4), "intercept": round(intercept, 4),
            "correlation": round(fit, 4), "heating_degree_days": totals,
            "sources": {"hourly": options.hourly, "weather": options.weather},
        })
        sources = {"hours": options.hourly, "months": options.weather}
        (directory / "index.html").write_text(page(months, totals, options.base, options.date, sources), encoding="utf-8")
    log(f"estimated {len(months)} months from {options.weather}, correlation {fit:.3f}, into {options.out}")


def relation(hours: list[Row], base: float) -> tuple[float, float, float]:
    """Returns slope and intercept of need per hour over a month's mean temperature, and how well the line fits (−1 to 1)."""
    by_month: dict[str, list[float]] = defaultdict(list)
    for hour in hours:
        by_month[hour["time"][:7]].append(float(hour["temp"]))
    if len(by_month) < 2:
        raise JobError(f"{len(by_month)} months of hourly temperatures are too few to relate need to temperature")
    means = [fmean(temps) for temps in by_month.values()]
    needs = [fmean(max(0.0, base - temp) for temp in temps) for temps in by_month.values()]
    slope, intercept = linear_regression(means, needs)
    return slope, intercept, correlation(means, needs)


def estimate(month: Month, slope: float, intercept: float) -> dict:
    """Returns a month's need; a month so warm that the line falls below zero needs none."""
    per_hour = max(0.0, slope * month["temp_mean"] + intercept)
    return {
        "year": int(month["year"]), "month": int(month["month"]), "days": int(month["days"]), "temp_mean": month["temp_mean"],
        "heating_degree_hours": round(per_hour * 24 * month["days"], 1),
        "heating_degree_days": round(per_hour * month["days"], 1),
    }


def page(months: list[dict], totals: dict[int, float], base: float, logical: date, sources: dict[str, str]) -> str:
    usual = fmean(totals.values())
    figures = [(f"Heating in {year}", f"{total:,.0f}", "degree days",
                f"{abs(100 * (total / usual - 1)):.0f} % {'above' if total >= usual else 'below'} the mean year")
               for year, total in totals.items()]
    hardest = max(months, key=lambda month: month["heating_degree_days"])
    lead = (f"{month_label(hardest)} needed the most, {hardest['heating_degree_days']:,.0f} degree days "
            f"at {degrees(hardest['temp_mean'])} on average.")
    drawing = bar_chart(months, "heating_degree_days", f"Heating degree days by month. {lead}", "", 100,
                        lambda month: f"{month['heating_degree_days']:,.0f} degree days at {degrees(month['temp_mean'])}")
    return render(
        title=f"Heating demand, {long_date(logical)}", eyebrow="energy / heating_demand",
        lead=f"How far and how long Seattle's air was below {base:g} °C: one degree for one day is one heating degree day.",
        sections=[tiles(figures, "Heating by year"), section("Heating degree days by month", lead, chart(drawing))],
        sources=sources,
    )


if __name__ == "__main__":
    run(main)
