"""Aggregates one year of clean daily observations by month, with Spark.

One row a month: means, extremes, precipitation and wet days. Years are independent, so a workflow runs one such
task for each and combines them afterwards.
"""

from pyspark.sql import functions as F

from spark import quick_session, write_csv
from storage import JobError, Storage, arguments, log, run

SCHEMA = "date DATE, precipitation DOUBLE, temp_max DOUBLE, temp_min DOUBLE, wind DOUBLE, weather STRING"
WET_DAY_MM = 1.0  # the World Meteorological Organization's threshold for a day with precipitation


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--in", dest="source", required=True, metavar="PREFIX", help="clean daily observations")
    parser.add_argument("--year", type=int, required=True)
    options = parser.parse_args()
    storage = Storage(options.root)
    files = [str(file) for file in storage.files(options.source)]

    with quick_session(f"aggregate {options.year}") as spark:
        daily = spark.read.csv(files, schema=SCHEMA, header=True, mode="FAILFAST")
        mean = (F.col("temp_max") + F.col("temp_min")) / 2
        monthly = (
            daily.where(F.year("date") == options.year)
            .groupBy(F.year("date").alias("year"), F.month("date").alias("month"))
            .agg(
                F.count("*").alias("days"),
                F.round(F.avg(mean), 2).alias("temp_mean"),
                F.round(F.avg("temp_max"), 2).alias("temp_mean_high"),
                F.round(F.avg("temp_min"), 2).alias("temp_mean_low"),
                F.max("temp_max").alias("temp_max"),
                F.min("temp_min").alias("temp_min"),
                F.round(F.sum("precipitation"), 1).alias("precipitation"),
                F.count_if(F.col("precipitation") >= WET_DAY_MM).alias("wet_days"),
                F.round(F.avg("wind"), 2).alias("wind_mean"),
            )
            .orderBy("month")
        )
        with storage.replacing(options.out) as directory:
            rows = write_csv(monthly, directory)
            if not rows:
                raise JobError(f"{options.source} holds no day of {options.year}")
    log(f"wrote {rows} months of {options.year} to {options.out}")


if __name__ == "__main__":
    run(main)
