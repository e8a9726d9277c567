"""Cleans raw observations: keeps the rows that can be true, counts the others by reason.

Writes observations.csv (ISO dates, metric units) and summary.json. Fails when too many rows had to be dropped,
because a broken feed must not look like a dry year.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from storage import JobError, Row, Storage, arguments, log, run, write_json, write_rows

WEATHER = {"drizzle", "fog", "rain", "snow", "sun"}


class BadRow(ValueError):
    """Why a row is dropped."""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="source", required=True, metavar="PREFIX", help="raw observations")
    parser.add_argument("--observations", choices=sorted(CLEANERS), default="daily", help="what a row is (default: daily)")
    parser.add_argument("--max-dropped-percent", type=float, default=5.0, help="fail above this share (default: 5)")
    options = parser.parse_args()
    storage = Storage(options.root)

    columns, clean = CLEANERS[options.observations]
    raw = storage.rows(options.source)
    kept, dropped = clean_rows(raw, clean)
    count = sum(dropped.values())
    if not kept or 100 * count > options.max_dropped_percent * len(raw):
        raise JobError(f"{count} of {len(raw)} rows of {options.source} are bad: {dict(dropped)}")

    with storage.replacing(options.out) as directory:
        write_rows(directory / "observations.csv", columns, kept)
        write_json(directory / "summary.json", {
            "source": options.source, "rows_read": len(raw), "rows_kept": len(kept), "rows_dropped": count,
            "dropped": dict(sorted(dropped.items())), "first": kept[0][columns[0]], "last": kept[-1][columns[0]],
        })
    log(f"kept {len(kept)} of {len(raw)} rows of {options.source}, dropped {count} {dict(dropped) or ''}".rstrip())


def clean_rows(raw: list[Row], clean: Callable[[Row], dict]) -> tuple[list[dict], Counter]:
    """Returns the kept rows by time, and how many rows were dropped for which reason."""
    kept: dict[str, dict] = {}
    dropped: Counter = Counter()
    for row in raw:
        try:
            cleaned = clean(row)
            moment = next(iter(cleaned.values()))
            if moment in kept:
                raise BadRow("seen twice")
            kept[moment] = cleaned
        except BadRow as reason:
            dropped[str(reason)] += 1
    return [kept[moment] for moment in sorted(kept)], dropped


def daily(row: Row) -> dict:
    """Checks one day: °C, mm, m/s."""
    cleaned = {
        "date": moment(row, "%Y/%m/%d").date().isoformat(),
        "precipitation": number(row, "precipitation", 0, 500),
        "temp_max": number(row, "temp_max", -60, 60),
        "temp_min": number(row, "temp_min", -60, 60),
        "wind": number(row, "wind", 0, 100),
        "weather": row.get("weather"),
    }
    if cleaned["temp_min"] > cleaned["temp_max"]:
        raise BadRow("temp_min above temp_max")
    if cleaned["weather"] not in WEATHER:
        raise BadRow("weather unknown")
    return cleaned


def hourly(row: Row) -> dict:
    """Checks one hour, and turns °F into °C."""
    time = moment(row, "%Y/%m/%d %H:%M").isoformat(timespec="minutes")
    return {"time": time, "temp": round((number(row, "temp", -76, 140) - 32) * 5 / 9, 2)}


def moment(row: Row, form: str) -> datetime:
    try:
        return datetime.strptime(row.get("date") or "", form)
    except ValueError:
        raise BadRow("date unreadable") from None


def number(row: Row, column: str, least: float, most: float) -> float:
    try:
        value = float(row.get(column) or "")
    except ValueError:
        raise BadRow(f"{column} not a number") from None
    # Written so that a NaN, which compares false with everything, is out of range.
    if not least <= value <= most:
        raise BadRow(f"{column} out of range")
    return value


CLEANERS: dict[str, tuple[list[str], Callable[[Row], dict]]] = {
    "daily": (["date", "precipitation", "temp_max", "temp_min", "wind", "weather"], daily),
    "hourly": (["time", "temp"], hourly),
}

if __name__ == "__main__":
    run(main)
