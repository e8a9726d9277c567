"""Aggregates clean hourly temperatures into the usual day of each month, with Spark.

One row for each month and hour of the day: mean, extremes and the spread between the 10th and 90th percentile.
"""

from pyspark.sql import functions as F

from spark import quick_session, write_csv
from storage import JobError, Storage, arguments, log, run

SCHEMA = "time TIMESTAMP_NTZ, temp DOUBLE"  # local time as it stands in the file: no zone may move it


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="source", required=True, metavar="PREFIX", help="clean hourly temperatures")
    options = parser.parse_args()
    storage = Storage(options.root)
    files = [str(file) for file in storage.files(options.source)]

    with quick_session("temperatures") as spark:
        hourly = spark.read.csv(files, schema=SCHEMA, header=True, mode="FAILFAST", timestampFormat="yyyy-MM-dd'T'HH:mm")
        profile = (
            hourly.groupBy(F.month("time").alias("month"), F.hour("time").alias("hour"))
            .agg(
                F.count("*").alias("hours"),
                F.round(F.avg("temp"), 2).alias("temp_mean"),
                F.max("temp").alias("temp_max"),
                F.min("temp").alias("temp_min"),
                F.round(F.percentile("temp", F.lit(0.1)), 2).alias("temp_p10"),
                F.round(F.percentile("temp", F.lit(0.9)), 2).alias("temp_p90"),
            )
            .orderBy("month", "hour")
        )
        with storage.replacing(options.out) as directory:
            rows = write_csv(profile, directory)
            if not rows:
                raise JobError(f"{options.source} holds no hour")
    log(f"wrote {rows} hours of the usual days to {options.out}")


if __name__ == "__main__":
    run(main)
