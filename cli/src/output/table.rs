//! Tables for people: without lines, as wide as the terminal, without wrapping when nobody sees it.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement};

use super::paint::Paint;

/// What becomes of a column in a terminal that is too narrow for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It stays as it is: what people copy and type.
    Whole,
    /// It stays, its text goes over several lines.
    Wrap,
    /// It is left out, the last such column first.
    Drop,
}

/// Rows under titles.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<(String, Fit)>,
    rows: Vec<Vec<(String, Paint)>>,
    indent: usize,
}

/// The least a wrapped column is given before others are dropped.
const LEAST_WRAPPED: usize = 24;
/// Blanks between columns.
const GAP: usize = 2;

impl Table {
    /// Begins a table with these columns.
    pub fn new<const N: usize>(columns: [(&str, Fit); N]) -> Self {
        Self::of(columns)
    }

    /// Begins a table with columns that are known only now.
    pub fn of<'a>(columns: impl IntoIterator<Item = (&'a str, Fit)>) -> Self {
        // Names of zones stay as they are.
        let title = |name: &str| {
            if name.contains('/') {
                name.to_owned()
            } else {
                name.to_uppercase()
            }
        };
        let columns = columns.into_iter();
        Self {
            columns: columns.map(|(name, fit)| (title(name), fit)).collect(),
            rows: Vec::new(),
            indent: 0,
        }
    }

    /// Moves the whole table to the right.
    pub fn indented(mut self, by: usize) -> Self {
        self.indent = by;
        self
    }

    /// Adds a row of plain and painted cells.
    pub fn row<const N: usize>(&mut self, cells: [(String, Paint); N]) {
        self.push(cells);
    }

    /// Adds a row to a table whose columns were known only then.
    pub fn push(&mut self, cells: impl IntoIterator<Item = (String, Paint)>) {
        let cells: Vec<(String, Paint)> = cells.into_iter().collect();
        debug_assert_eq!(
            cells.len(),
            self.columns.len(),
            "a row has one cell for each column"
        );
        self.rows.push(cells);
    }

    /// Lays the table out, at most this wide. Columns that are empty in every row are left out.
    pub fn render(&self, width: Option<u16>) -> String {
        let width = width.map(|width| usize::from(width).saturating_sub(self.indent));
        let kept = self.kept(width);
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        // Colours are taken out by the stream when they are not wanted.
        table.enforce_styling();
        match width.filter(|width| self.total(&kept) > *width) {
            None => table.set_content_arrangement(ContentArrangement::Disabled),
            Some(width) => table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(u16::try_from(width).unwrap_or(u16::MAX)),
        };
        let titles = kept
            .iter()
            .map(|at| Cell::new(&self.columns[*at].0).add_attribute(Attribute::Dim));
        table.set_header(titles);
        for row in &self.rows {
            table.add_row(kept.iter().map(|at| painted(&row[*at])));
        }
        for (column, at) in table.column_iter_mut().zip(&kept) {
            let gap = if Some(at) == kept.last() { 0 } else { GAP };
            column.set_padding((0, u16::try_from(gap).unwrap_or(2)));
            if self.columns[*at].1 != Fit::Wrap {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let margin = " ".repeat(self.indent);
        let line = |line: String| format!("{margin}{}\n", without_trail(&line));
        table.lines().map(line).collect()
    }

    /// The columns that are shown.
    fn kept(&self, width: Option<usize>) -> Vec<usize> {
        let said =
            |at: &usize| self.rows.is_empty() || self.rows.iter().any(|row| !row[*at].0.is_empty());
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(said).collect();
        let Some(width) = width else { return kept };
        while self.least(&kept) > width {
            let Some(last) = kept.iter().rposition(|at| self.columns[*at].1 == Fit::Drop) else {
                break;
            };
            kept.remove(last);
        }
        kept
    }

    /// What the columns need when nothing is wrapped.
    fn total(&self, kept: &[usize]) -> usize {
        kept.iter()
            .map(|at| self.content(*at) + GAP)
            .sum::<usize>()
            .saturating_sub(GAP)
    }

    /// What the columns need at least.
    fn least(&self, kept: &[usize]) -> usize {
        let least = |at: &usize| match self.columns[*at].1 {
            Fit::Wrap => self.content(*at).min(LEAST_WRAPPED) + GAP,
            Fit::Whole | Fit::Drop => self.content(*at) + GAP,
        };
        kept.iter().map(least).sum::<usize>().saturating_sub(GAP)
    }

    fn content(&self, at: usize) -> usize {
        let cells = self.rows.iter().flat_map(|row| row[at].0.lines());
        cells
            .map(|line| line.chars().count())
            .chain([self.columns[at].0.chars().count()])
            .max()
            .unwrap_or(0)
    }
}

/// Cuts blanks at the end of a line off, those inside of styles, too.
fn without_trail(line: &str) -> String {
    let (mut kept, mut styles) = (line.trim_end(), Vec::new());
    while let Some(start) = kept.rfind("\x1b[").filter(|_| kept.ends_with('m')) {
        let code = &kept[start + 2..kept.len() - 1];
        if !code.chars().all(|c| c.is_ascii_digit() || c == ';') {
            break;
        }
        styles.push(&kept[start..]);
        kept = kept[..start].trim_end();
    }
    styles.push(kept);
    styles.into_iter().rev().collect()
}

fn painted((text, paint): &(String, Paint)) -> Cell {
    let cell = Cell::new(text);
    match paint {
        Paint::Plain => cell,
        Paint::Strong => cell.add_attribute(Attribute::Bold),
        Paint::Faint => cell.add_attribute(Attribute::Dim),
        Paint::Good => cell.fg(Color::DarkGreen),
        Paint::Bad => cell.fg(Color::DarkRed),
        Paint::Busy => cell.fg(Color::DarkCyan),
        Paint::Waiting => cell.fg(Color::DarkYellow),
    }
}

/// A cell without a colour.
pub fn plain(text: impl Into<String>) -> (String, Paint) {
    (text.into(), Paint::Plain)
}

/// A cell that matters less.
pub fn faint(text: impl Into<String>) -> (String, Paint) {
    (text.into(), Paint::Faint)
}

/// A cell of what may be absent.
pub fn maybe(text: Option<impl ToString>) -> (String, Paint) {
    plain(text.map(|text| text.to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            ("run", Fit::Whole),
            ("since", Fit::Drop),
            ("reason", Fit::Wrap),
            ("x", Fit::Drop),
        ]);
        for (run, reason) in [
            (
                "weather--daily--1",
                "cluster overnight-etl is not ready yet",
            ),
            ("b", ""),
        ] {
            table.row([plain(run), plain("12:00"), plain(reason), plain("")]);
        }
        table
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn without_a_terminal_nothing_is_wrapped_and_empty_columns_are_left_out() {
        let expected = "\
RUN                SINCE  REASON
weather--daily--1  12:00  cluster overnight-etl is not ready yet
b                  12:00
";
        assert_eq!(bare(&table().render(None)), expected);
    }

    #[test]
    fn in_a_narrow_terminal_reasons_wrap_and_lesser_columns_go() {
        let expected = "\
RUN                REASON
weather--daily--1  cluster overnight-etl is
                   not ready yet
b
";
        assert_eq!(bare(&table().render(Some(44))), expected);
    }
}
