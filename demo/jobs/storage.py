"""The storage root that jobs read and write: a bucket on AWS, a directory here.

Outputs are passed between tasks by reference: a task writes one prefix, and hands on its name. A prefix is replaced
as a whole once all of its files are written, so a reader never meets half an output, and a job that runs again
leaves the same files behind.
"""

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

Row = dict[str, str]


class JobError(Exception):
    """What the job cannot do, told to the person who reads its log."""


class Storage:
    """One storage root; every prefix is relative to it and stays below it."""

    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        if not self.root.is_dir():
            raise JobError(f"storage root {root} is not a directory")

    def path(self, prefix: str) -> Path:
        """Returns where a prefix lies, and refuses one that leaves the root."""
        path = (self.root / prefix).resolve()
        if not prefix or path == self.root or not path.is_relative_to(self.root):
            raise JobError(f"{prefix!r} is not a prefix below the storage root")
        return path

    def files(self, prefix: str, suffix: str = ".csv") -> list[Path]:
        """Returns the files of a prefix in order; a prefix may also name one file. Spark's own marks are left out."""
        path = self.path(prefix)
        found = [path] if path.is_file() else sorted(path.glob(f"*{suffix}"))
        found = [file for file in found if not file.name.startswith((".", "_"))]
        if not found:
            raise JobError(f"no {suffix} file at {prefix}: has the task that writes it run?")
        return found

    def rows(self, prefix: str) -> list[Row]:
        """Reads every CSV file of a prefix; all of them must have the same header."""
        header, rows = None, []
        for file in self.files(prefix):
            with file.open(newline="", encoding="utf-8") as lines:
                reader = csv.DictReader(lines)
                if header is not None and reader.fieldnames != header:
                    raise JobError(f"{file.name} in {prefix} has columns {reader.fieldnames}, the files before it {header}")
                header = reader.fieldnames
                rows.extend(reader)
        return rows

    def numbers(self, prefix: str) -> list[dict[str, float]]:
        """Reads a table of which every column is a number, and which may not be empty."""
        rows = self.rows(prefix)
        if not rows:
            raise JobError(f"the table at {prefix} holds no row")
        try:
            return [{column: float(value) for column, value in row.items()} for row in rows]
        except (TypeError, ValueError) as error:
            raise JobError(f"a cell of {prefix} is not a number: {error}") from error

    def json(self, prefix: str, name: str) -> dict:
        """Reads one JSON file of a prefix."""
        file = self.path(prefix) / name
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise JobError(f"{prefix} holds no {name}: has the task that writes it run?") from None
        except json.JSONDecodeError as error:
            raise JobError(f"{name} in {prefix} is not JSON: {error}") from error

    @contextmanager
    def replacing(self, prefix: str) -> Iterator[Path]:
        """Yields an empty directory that becomes the prefix when the block succeeds, and vanishes when it fails."""
        final = self.path(prefix)
        staging = self.root / ".staging"
        staging.mkdir(exist_ok=True)
        # Beside the output, not in /tmp: a rename is atomic only within one file system.
        work = Path(tempfile.mkdtemp(prefix=f"{final.name}-", dir=staging))
        try:
            fresh, replaced = work / "fresh", work / "replaced"
            fresh.mkdir()
            yield fresh
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                final.rename(replaced)
            fresh.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def write_rows(file: Path, columns: Iterable[str], rows: Iterable[dict]) -> None:
    """Writes a CSV file with a header."""
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(file: Path, value: dict) -> None:
    """Writes a JSON file that a person can read, too."""
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser with what every job takes: the storage root and the prefix it writes."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    parser.add_argument("--root", required=True, help="storage root: the directory that stands for the bucket")
    parser.add_argument("--out", required=True, metavar="PREFIX", help="prefix to write, relative to the root")
    return parser


def log(message: str) -> None:
    """Says on stderr what the job did; stdout is for data."""
    print(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr, flush=True)


def run(main: Callable[[], None]) -> None:
    """Runs a job; one that cannot do its work ends with a message and exit code 1, without a traceback."""
    try:
        main()
    except JobError as error:
        log(f"failed: {error}")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our rows has seen enough; without this Python complains again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
