"""Runs one SQL statement over the CSV files of a storage root: what stands in for Presto or Trino on one machine.

A quoted name is a table: a CSV file below the root, or a prefix whose CSV files share a header. SQLite runs the
query; this script reads the tables, and writes the result of

    select …                               rows to stdout, as CSV
    create table "prefix/name.csv" as …    replaces the file
    insert into "prefix/name.csv" …        adds the rows the file does not hold yet, so a retry changes nothing

The last one differs from Trino on purpose: there a table format keeps a retried insert from adding its rows twice.
"""

import argparse
import csv
import os
import re
import sqlite3
import sys
import tempfile
from pathlib import Path

from storage import JobError, Storage, log, run

# A string literal is matched first, so that quotes within it name no table.
QUOTED = re.compile(r"'(?:[^']|'')*'|\"((?:[^\"]|\"\")+)\"")
WRITE = re.compile(r"\s*(insert\s+into|create\s+table)\s+\"([^\"]+)\"\s+(?:as\s+)?(.*)", re.IGNORECASE | re.DOTALL)
QUERY = re.compile(r"\s*(select|with|values)\b", re.IGNORECASE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs one SQL statement over the CSV files of a storage root.")
    parser.add_argument("--root", required=True, help="storage root: the directory that stands for the bucket")
    parser.add_argument("--statement", required=True, metavar="SQL")
    options = parser.parse_args()
    storage = Storage(options.root)

    write = WRITE.fullmatch(options.statement.strip().rstrip(";"))
    verb, target, query = write.groups() if write else ("select", None, options.statement)
    if not QUERY.match(query):
        raise JobError("a statement is a query, 'create table \"…\" as' a query, or 'insert into \"…\"' a query")
    columns, rows = select(storage, query)

    if target is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *rows])
        sys.stdout.flush()
        log(f"selected {len(rows)} rows")
    elif verb.lower().startswith("insert"):
        log(f"inserted {insert(storage.path(target), columns, rows)} of {len(rows)} rows into {target}")
    else:
        replace(storage.path(target), columns, rows)
        log(f"wrote {len(rows)} rows to {target}")


def select(storage: Storage, query: str) -> tuple[list[str], list[tuple]]:
    """Runs a query over the tables it names, and returns its columns and rows."""
    connection = sqlite3.connect(":memory:")
    try:
        for name in {name for name in QUOTED.findall(query) if name}:
            if storage.path(name).exists():
                load(connection, storage, name)
            elif "/" in name:
                # SQLite would take an unknown quoted name for a string, and the query would answer nonsense.
                raise JobError(f"there is no table {name!r} below the storage root")
        cursor = connection.execute(query)
        return [column[0] for column in cursor.description], cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise JobError(f"the query failed: {error}") from error
    finally:
        connection.close()


def load(connection: sqlite3.Connection, storage: Storage, name: str) -> None:
    rows = storage.rows(name)
    if not rows:
        raise JobError(f"table {name!r} holds no row")
    columns = list(rows[0])
    connection.execute(f"create table {quote(name)} ({', '.join(map(quote, columns))})")
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"insert into {quote(name)} values ({marks})", ([typed(row[c]) for c in columns] for row in rows))


def insert(file: Path, columns: list[str], rows: list[tuple]) -> int:
    """Adds the rows that a file does not hold yet, and returns how many these were; an absent file is created."""
    held: list[tuple] = []
    if file.exists():
        with file.open(newline="", encoding="utf-8") as lines:
            header, *held = map(tuple, csv.reader(lines))
        if list(header) != columns:
            raise JobError(f"{file.name} has columns {list(header)}, the query gives {columns}")
    # As text, since that is what the file holds.
    fresh = dict.fromkeys(tuple("" if value is None else str(value) for value in row) for row in rows)
    known = set(held)
    added = [row for row in fresh if row not in known]
    replace(file, columns, held + added)
    return len(added)


def replace(file: Path, columns: list[str], rows: list[tuple]) -> None:
    """Writes a CSV file beside its place, then moves it there."""
    if file.is_dir():
        raise JobError(f"{file.name} is a prefix; a statement writes one .csv file")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", newline="", encoding="utf-8", delete=False) as lines:
        csv.writer(lines, lineterminator="\n").writerows([columns, *rows])
    os.chmod(lines.name, 0o644)
    os.replace(lines.name, file)


def typed(value: str) -> int | float | str | None:
    """Returns a number where the text is one, and null where it is empty, as a table with a schema would."""
    if value == "":
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    run(main)
