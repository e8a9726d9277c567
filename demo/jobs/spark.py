"""How the demo's Spark jobs start and write: quickly, because their data fits in one partition."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark import SparkConf
from pyspark.sql import DataFrame, SparkSession

# Only defaults: what spark-submit was given (`conf` in a workflow) wins.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.ansi.enabled": "true",
}


@contextmanager
def quick_session(name: str) -> Iterator[SparkSession]:
    """Yields a session that is stopped at the end, also when the job fails."""
    conf = SparkConf().setAppName(name)
    for key, value in QUICK.items():
        conf.setIfMissing(key, value)
    spark = SparkSession.builder.config(conf=conf).getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def write_csv(frame: DataFrame, directory: Path) -> int:
    """Writes a small frame as one CSV part with a header, and returns how many rows that part holds."""
    frame.coalesce(1).write.mode("overwrite").csv(str(directory), header=True)
    rows = 0
    for part in directory.glob("part-*.csv"):
        with part.open(newline="", encoding="utf-8") as lines:
            rows += sum(1 for _ in csv.DictReader(lines))
    return rows
