//! Finds the dataset and the query, asks, and prints.

use std::path::Path;

use analysis::{Answer, Cell, Dataset, Prices, QueryError, Report};
use serde_json::{Map, Value};

use super::{History, dataset};
use crate::exit::{Exit, Failure};
use crate::nearest::nearest;
use crate::output::table::{Fit, Table, plain};
use crate::output::{Screen, note};
use crate::target::At;

/// Prints what is asked for.
pub fn run(history: History, at: &At, screen: Screen) -> Result<Exit, Failure> {
    if history.csv && screen.is_json() {
        return Err(Failure::usage("--csv and --format json exclude each other"));
    }
    let query = match (&history.report, &history.query) {
        (Some(name), _) => report(name, history.prices.as_deref())?,
        (None, query) => query.clone().unwrap_or_default(),
    };
    if history.sql {
        screen.text(&format!("{query}\n"))?;
        return Ok(Exit::Fine);
    }
    let folder = match &history.from {
        Some(folder) if folder.is_dir() => folder.clone(),
        Some(folder) => {
            let what = format!("there is no folder {}", folder.display());
            return Err(Failure::not_found(what));
        }
        None => {
            at.must_be_here("murmur history").map_err(|failure| {
                failure.help("ask Athena, or copy the deployment's bucket and say --from")
            })?;
            dataset::up_to_date(&history.data.data)?
        }
    };
    let dataset = Dataset::open(&folder).map_err(|error| {
        Failure::trouble(format!("cannot read {}", folder.display())).because(error)
    })?;
    let answer = dataset.query(&query).map_err(refused)?;
    print(&answer, history.csv, screen)?;
    Ok(Exit::Fine)
}

/// The SQL of a report.
fn report(name: &str, prices: Option<&Path>) -> Result<String, Failure> {
    let names = || Report::ALL.map(Report::name);
    let Some(report) = Report::ALL.into_iter().find(|one| one.name() == name) else {
        let failure = Failure::not_found(format!("there is no report `{name}`"));
        return Err(match nearest(name, names()) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("there are {}", names().join(", "))),
        });
    };
    if report.needs_prices() && prices.is_none() {
        return Err(Failure::usage(format!("`{name}` needs --prices FILE"))
            .help("a file such as { clusters: { weather/etl: 12.5, \"*\": 4 }, queues: { light: 0.1 } }"));
    }
    let prices = prices.map(read_prices).transpose()?;
    Ok(report.sql(&prices.unwrap_or_default()))
}

fn read_prices(path: &Path) -> Result<Prices, Failure> {
    let what = || format!("cannot read the prices in {}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = format!("there is no file {}", path.display());
            return Err(Failure::not_found(what));
        }
        Err(error) => return Err(Failure::trouble(what()).because(error)),
    };
    serde_saphyr::from_str(&text)
        .map_err(|error| Failure::not_as_it_should_be(what()).because(error))
}

/// Says why a query got no answer.
fn refused(error: QueryError) -> Failure {
    let what = match error.at {
        Some((line, column)) => format!("{} (line {line}, column {column})", error.what),
        None => error.what,
    };
    let failure = error
        .notes
        .into_iter()
        .fold(Failure::usage(what), Failure::help);
    failure.help("the tables are runs, tasks and clusters; `murmur history \"describe tasks\"` lists columns")
}

fn print(answer: &Answer, csv: bool, screen: Screen) -> Result<(), Failure> {
    if csv {
        return screen.text(&separated(answer));
    }
    if screen.is_json() {
        let rows = answer.rows.iter().map(|row| {
            let cells = row.iter().map(json);
            let object: Map<String, Value> = answer.columns.iter().cloned().zip(cells).collect();
            Value::Object(object)
        });
        return screen.json(&rows.collect::<Vec<_>>());
    }
    if answer.rows.is_empty() {
        note("nothing of that has ended yet");
        return Ok(());
    }
    let columns = answer
        .columns
        .iter()
        .map(|name| (name.as_str(), Fit::Whole));
    let mut table = Table::of(columns);
    for row in &answer.rows {
        table.push(row.iter().map(|cell| plain(text(cell))));
    }
    screen.table(&table)
}

fn json(cell: &Cell) -> Value {
    match cell {
        Cell::Nothing => Value::Null,
        Cell::Flag(flag) => (*flag).into(),
        Cell::Number(number) => (*number).into(),
        Cell::Fraction(number) => (*number).into(),
        Cell::Text(text) => text.as_str().into(),
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Fraction(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

/// As RFC 4180 has it, but for the ends of lines.
fn separated(answer: &Answer) -> String {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut lines = line(answer.columns.iter().map(|name| quoted(name)).collect());
    for row in &answer.rows {
        lines += &line(row.iter().map(|cell| quoted(&text(cell))).collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_of_values_is_quoted() {
        let answer = Answer {
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: vec![
                vec![Cell::Text("x, \"y\"\nz".to_owned()), Cell::Nothing],
                vec![Cell::Number(1), Cell::Fraction(0.5)],
            ],
        };
        assert_eq!(separated(&answer), "a,b\n\"x, \"\"y\"\"\nz\",\n1,0.5\n");
    }
}
