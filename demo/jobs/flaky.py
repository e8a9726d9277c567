"""Finds the records of a station; its source feed is late, so the first attempt fails and the retry succeeds.

It stands for every job whose input is not there yet. Writes extremes.json.
"""

from collections.abc import Callable
from itertools import groupby

from storage import JobError, Row, Storage, arguments, log, run, write_json


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="source", required=True, metavar="PREFIX", help="clean daily observations")
    parser.add_argument("--attempt", type=int, required=True, help="which attempt this is, from 1")
    parser.add_argument("--ready-at-attempt", type=int, default=2, help="first attempt that succeeds (default: 2)")
    options = parser.parse_args()
    if options.attempt < options.ready_at_attempt:
        raise JobError(f"source feed not complete yet (attempt {options.attempt})")
    storage = Storage(options.root)
    days = storage.rows(options.source)
    if not days:
        raise JobError(f"{options.source} holds no day")

    with storage.replacing(options.out) as directory:
        write_json(directory / "extremes.json", extremes(days))
    log(f"found the extremes of {len(days)} days, attempt {options.attempt}, in {options.out}")


def extremes(days: list[Row]) -> dict:
    """Returns each record with its day; of equal days the earliest holds it."""
    return {
        "first": days[0]["date"],
        "last": days[-1]["date"],
        "warmest": record(days, "temp_max", max),
        "coldest": record(days, "temp_min", min),
        "wettest": record(days, "precipitation", max),
        "windiest": record(days, "wind", max),
        "longest_dry_spell": longest_spell(days, lambda day: float(day["precipitation"]) == 0),
        "longest_wet_spell": longest_spell(days, lambda day: float(day["precipitation"]) > 0),
    }


def record(days: list[Row], column: str, best: Callable) -> dict:
    day = best(days, key=lambda day: float(day[column]))
    return {"date": day["date"], "value": float(day[column])}


def longest_spell(days: list[Row], holds: Callable[[Row], bool]) -> dict | None:
    spells = [list(spell) for held, spell in groupby(days, key=holds) if held]
    if not spells:
        return None
    spell = max(spells, key=len)
    return {"first": spell[0]["date"], "last": spell[-1]["date"], "days": len(spell)}


if __name__ == "__main__":
    run(main)
