"""Runs the jobs as a workflow does, each in its own process, over the demo's data in a temporary storage root.

    python3 demo/jobs/test_jobs.py

The Spark jobs run too where pyspark is installed; without it their outputs are made here, in a much simpler way.
"""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean

JOBS = Path(__file__).resolve().parent
DATA = JOBS.parent / "data"
DAY = "2026-03-02"
YEARS = (2012, 2013, 2014, 2015)
SPARK = importlib.util.find_spec("pyspark") is not None


class Root(unittest.TestCase):
    """A storage root with the raw data in it."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        for name, file in (("daily", "seattle-weather.csv"), ("hourly", "seattle-temps.csv")):
            (self.root / "raw" / name).mkdir(parents=True)
            shutil.copy(DATA / file, self.root / "raw" / name)

    def job(self, name: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        """Runs a job, and holds it to its exit code."""
        done = subprocess.run([sys.executable, JOBS / f"{name}.py", "--root", self.root, *arguments],
                              capture_output=True, text=True, encoding="utf-8",
                              env={**os.environ, "SPARK_CONF_DIR": str(JOBS.parent / "spark")})
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(list((self.root / ".staging").glob("*")), [], "what a job staged is gone when it ends")
        return done

    def rows(self, path: str) -> list[dict[str, str]]:
        with (self.root / path).open(newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines))

    def json(self, path: str) -> dict:
        return json.loads((self.root / path).read_text(encoding="utf-8"))

    def write(self, path: str, content: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content, encoding="utf-8")

    def contents(self) -> dict[str, bytes]:
        return {str(file.relative_to(self.root)): file.read_bytes() for file in self.root.rglob("*") if file.is_file()}


class Clean(Root):
    HEADER = "date,precipitation,temp_max,temp_min,wind,weather\n"
    GOOD = "2012/01/{:02},0.0,12.8,5.0,4.7,drizzle\n"

    def test_keeps_every_row_of_the_real_data(self):
        self.job("clean", "--in", "raw/daily", "--out", "clean")
        self.job("clean", "--in", "raw/hourly", "--observations", "hourly", "--out", "hours")
        self.assertEqual(self.json("clean/summary.json")["rows_kept"], 1461)
        self.assertEqual(self.rows("hours/observations.csv")[0], {"time": "2010-01-01T00:00", "temp": "4.11"})

    def test_drops_and_counts_rows_that_cannot_be_true(self):
        bad = ("2012/02/30,0.0,12.8,5.0,4.7,sun\n" "2012/02/01,-1,12.8,5.0,4.7,sun\n" "2012/02/02,0.0,nan,5.0,4.7,sun\n"
               "2012/02/03,0.0,5.0,12.8,4.7,sun\n" "2012/02/04,0.0,12.8,5.0,,sun\n" "2012/02/05,0.0,12.8,5.0,4.7,hail\n"
               "2012/01/01,0.0,12.8,5.0,4.7,sun\n" "2012/02/06\n")
        self.write("raw/bad.csv", self.HEADER + "".join(self.GOOD.format(day) for day in range(1, 31)) + bad)
        self.job("clean", "--in", "raw/bad.csv", "--max-dropped-percent", "50", "--out", "clean")
        summary = self.json("clean/summary.json")
        self.assertEqual((summary["rows_kept"], summary["rows_dropped"]), (30, 8))
        self.assertEqual(summary["dropped"], {
            "date unreadable": 1, "precipitation out of range": 1, "temp_max out of range": 1, "temp_min above temp_max": 1,
            "wind not a number": 1, "weather unknown": 1, "seen twice": 1, "precipitation not a number": 1})

    def test_a_broken_feed_fails_and_leaves_the_last_good_output(self):
        self.job("clean", "--in", "raw/daily", "--out", "clean")
        before = self.contents()
        self.write("raw/daily/seattle-weather.csv", self.HEADER + "nonsense\n" * 9)
        done = self.job("clean", "--in", "raw/daily", "--out", "clean", code=1)
        self.assertIn("9 of 9 rows of raw/daily are bad", done.stderr)
        after = self.contents()
        self.assertEqual({k: v for k, v in before.items() if k.startswith("clean/")},
                         {k: v for k, v in after.items() if k.startswith("clean/")})

    def test_refuses_absent_inputs_and_prefixes_outside_the_root(self):
        self.assertIn("no .csv file at nowhere", self.job("clean", "--in", "nowhere", "--out", "clean", code=1).stderr)
        self.assertIn("not a prefix below", self.job("clean", "--in", "raw/daily", "--out", "../out", code=1).stderr)


class Flaky(Root):
    def test_fails_first_then_finds_the_extremes(self):
        self.job("clean", "--in", "raw/daily", "--out", "clean")
        first = self.job("flaky", "--in", "clean", "--attempt", "1", "--out", "extremes", code=1)
        self.assertIn("source feed not complete yet", first.stderr)
        self.assertFalse((self.root / "extremes").exists())
        self.job("flaky", "--in", "clean", "--attempt", "2", "--out", "extremes")
        extremes = self.json("extremes/extremes.json")
        self.assertEqual(extremes["warmest"], {"date": "2014-08-11", "value": 35.6})
        self.assertEqual(extremes["longest_dry_spell"], {"first": "2012-07-23", "last": "2012-09-08", "days": 48})


class Sql(Root):
    def setUp(self):
        super().setUp()
        self.write("t/a/one.csv", "year,mm\n2012,10.5\n2013,\n")
        self.write("t/a/two.csv", "year,mm\n2014,9\n")

    def sql(self, statement: str, code: int = 0) -> subprocess.CompletedProcess:
        return self.job("sql", "--statement", statement, code=code)

    def test_selects_from_a_file_or_a_whole_prefix(self):
        self.assertEqual(self.sql('select * from "t/a/one.csv" where mm is null').stdout, "year,mm\n2013,\n")
        # Numbers compare as numbers: as text, 9 would be the greatest.
        self.assertEqual(self.sql("""select max(mm) most, 'a "b/c" d' said from "t/a";""").stdout, 'most,said\n10.5,"a ""b/c"" d"\n')

    def test_creates_a_table_anew_each_time(self):
        for _ in range(2):
            self.sql('create table "out/x.csv" as select year from "t/a" where mm > 9')
            self.assertEqual(self.rows("out/x.csv"), [{"year": "2012"}])

    def test_a_retried_insert_changes_nothing(self):
        for year in (2012, 2012, 2014):
            self.sql(f'insert into "out/x.csv" select year, mm from "t/a" where year = {year}')
        self.assertEqual(self.rows("out/x.csv"), [{"year": "2012", "mm": "10.5"}, {"year": "2014", "mm": "9"}])
        self.assertIn("has columns", self.sql('insert into "out/x.csv" select 1 as other', code=1).stderr)

    def test_refuses_unknown_tables_and_other_statements(self):
        self.assertIn("there is no table 't/none.csv'", self.sql('select * from "t/none.csv"', code=1).stderr)
        self.assertIn("the query failed", self.sql("select from", code=1).stderr)
        for statement in ("drop table x", 'delete from "t/a/one.csv"', "attach 'x' as y", "select 1; select 2"):
            self.sql(statement, code=1)


class Reports(Root):
    """Both teams' workflows, from raw data to pages."""

    def test_end_to_end_twice_with_the_same_result(self):
        self.workflows()
        first = self.contents()
        self.workflows()
        self.assertEqual(stable(first), stable(self.contents()))

        self.assertEqual(len(self.rows("combine/monthly.csv")), 12 * len(YEARS))
        january = self.rows("combine/monthly.csv")[0]
        self.assertEqual((january["temp_mean"], january["precipitation"], january["wet_days"]), ("4.3", "173.3", "21"))
        self.assertGreater(self.json("demand/summary.json")["heating_degree_days"]["2012"], 2000)
        for page, charts in (("report/index.html", 3), ("demand/index.html", 1)):
            self.check_page(page, charts)

    def test_combining_the_same_months_twice_is_refused(self):
        self.write("a/part.csv", "year,month,days\n2012,1,31\n")
        self.assertIn("more than one input holds 2012-01", self.job("combine", "--in", "a", "a", "--out", "b", code=1).stderr)

    def workflows(self) -> None:
        self.job("clean", "--in", "raw/daily", "--out", "clean")
        self.job("clean", "--in", "raw/hourly", "--observations", "hourly", "--out", "hours")
        for year in YEARS:
            if SPARK and year == 2012:
                self.job("aggregate", "--in", "clean", "--year", str(year), "--out", f"aggregate/{year}")
            else:
                self.aggregate(year)
        if SPARK:
            self.job("temperatures", "--in", "hours", "--out", "temperatures")
        else:
            self.temperatures()
        self.job("combine", "--in", *(f"aggregate/{year}" for year in YEARS), "--out", "combine")
        self.job("flaky", "--in", "clean", "--attempt", "2", "--out", "extremes")
        self.job("report", "--in", "combine", "--date", DAY, "--observations", "clean", "--temperatures", "temperatures",
                 "--extremes", "extremes", "--out", "report")
        self.job("demand", "--in", "hours", "--weather", "combine", "--date", f"{DAY}T23:59:00-05:00", "--out", "demand")

    def aggregate(self, year: int) -> None:
        months = defaultdict(list)
        for day in self.rows("clean/observations.csv"):
            if day["date"].startswith(str(year)):
                months[int(day["date"][5:7])].append({key: float(day[key]) for key in ("temp_max", "temp_min", "precipitation", "wind")})
        lines = ["year,month,days,temp_mean,temp_mean_high,temp_mean_low,temp_max,temp_min,precipitation,wet_days,wind_mean"]
        for month, days in sorted(months.items()):
            highs, lows = [day["temp_max"] for day in days], [day["temp_min"] for day in days]
            rain = [day["precipitation"] for day in days]
            lines.append(",".join(map(str, (
                year, month, len(days), round(fmean(highs + lows), 2), round(fmean(highs), 2), round(fmean(lows), 2), max(highs), min(lows),
                round(sum(rain), 1), sum(mm >= 1 for mm in rain), round(fmean(day["wind"] for day in days), 2)))))
        self.write(f"aggregate/{year}/part-0.csv", "\n".join(lines) + "\n")

    def temperatures(self) -> None:
        cells = defaultdict(list)
        for hour in self.rows("hours/observations.csv"):
            cells[int(hour["time"][5:7]), int(hour["time"][11:13])].append(float(hour["temp"]))
        lines = ["month,hour,hours,temp_mean,temp_max,temp_min"]
        lines += [f"{month},{hour},{len(t)},{fmean(t):.2f},{max(t)},{min(t)}" for (month, hour), t in sorted(cells.items())]
        self.write("temperatures/part-0.csv", "\n".join(lines) + "\n")

    def check_page(self, path: str, charts: int) -> None:
        """The page is titled with its date, loads nothing from elsewhere, and its drawings are well-formed and named."""
        page = (self.root / path).read_text(encoding="utf-8")
        self.assertIn("2 March 2026</h1>", page)
        for drawing in page.split("<svg")[1:]:
            self.assertTrue(xml.fromstring("<svg" + drawing.split("</svg>")[0] + "</svg>").get("aria-label"))
        self.assertEqual(page.count("<svg"), charts)
        parser = Links()
        parser.feed(page)
        self.assertEqual(parser.found, ["data:,"])
        self.assertNotRegex(page, r"\b(nan|None|inf)\b")


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src")]


def stable(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Spark draws a new name for each part it writes; what the part holds stays the same."""
    return {("/".join(name.split("/")[:-1]) + "/part" if "/part-" in name else name): content
            for name, content in contents.items() if not name.endswith(".crc")}


if __name__ == "__main__":
    unittest.main()
