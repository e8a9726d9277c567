"""Combines the outputs of tasks that ran side by side into one table, monthly.csv, ordered by year and month."""

from collections import Counter

from storage import JobError, Storage, arguments, log, run, write_rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="sources", required=True, nargs="+", metavar="PREFIX", help="outputs to combine")
    options = parser.parse_args()
    storage = Storage(options.root)

    rows, columns = [], None
    for source in options.sources:
        part = storage.rows(source)
        if not part:
            raise JobError(f"{source} holds no row")
        if columns is not None and list(part[0]) != columns:
            raise JobError(f"{source} has columns {list(part[0])}, the inputs before it {columns}")
        columns = list(part[0])
        rows += part

    rows.sort(key=lambda row: (int(row["year"]), int(row["month"])))
    months = Counter((row["year"], row["month"]) for row in rows)
    twice = [f"{year}-{int(month):02}" for (year, month), count in months.items() if count > 1]
    if twice:
        raise JobError(f"more than one input holds {', '.join(twice)}")

    with storage.replacing(options.out) as directory:
        write_rows(directory / "monthly.csv", columns, rows)
    log(f"combined {len(options.sources)} inputs into {len(rows)} months in {options.out}")


if __name__ == "__main__":
    run(main)
