//! Lanes as text: labels at the left, cells under a time axis, remarks where there is room.

use std::collections::BTreeSet;

use model::Timestamp;

use super::lanes::{Lane, Look};
use super::ruler::Ruler;
use crate::output::paint::Paint;
use crate::output::time::Zone;

/// The fewest cells a day is drawn with, however narrow the terminal.
const LEAST_CELLS: usize = 24;
/// How many cells are left when remarks are given room.
const ROOMY: usize = 48;
/// How much of the longest remark must be seen, so that remarks are worth their room.
const WORTH: usize = 28;
/// The most cells; more do not tell more.
const MOST_CELLS: usize = 96;
/// The longest label; the rest is cut.
const LONGEST_LABEL: usize = 36;

/// Lanes over a stretch of time.
pub struct Chart<'a> {
    pub from: Timestamp,
    pub to: Timestamp,
    pub zone: &'a Zone,
    pub groups: Vec<(&'a str, Vec<Lane>)>,
}

/// How wide the columns are.
struct Columns {
    label: usize,
    length: usize,
    /// 0 when there is no room for remarks.
    remark: usize,
    ruler: Ruler,
}

impl Chart<'_> {
    /// Draws it, at most this wide.
    pub fn render(&self, width: u16) -> String {
        let columns = self.columns(usize::from(width));
        let marks = columns.ruler.marks(self.zone);
        let mut text = self.axis(&columns, &marks);
        for (title, lanes) in self.groups.iter().filter(|(_, lanes)| !lanes.is_empty()) {
            text += &line(&Paint::Faint.text(title));
            for lane in lanes {
                text += &line(&drawn(lane, &columns, &marks));
            }
        }
        text + &line(&self.legend(&columns.ruler))
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.groups.iter().flat_map(|(_, lanes)| lanes)
    }

    fn columns(&self, width: usize) -> Columns {
        let longest = |of: fn(&Lane) -> &str| self.lanes().map(|lane| count(of(lane))).max();
        let label = longest(|lane| &lane.label).unwrap_or(0).min(LONGEST_LABEL);
        let length = longest(|lane| &lane.length).unwrap_or(0);
        // Mark, blank, label, blank, cells, blank, length.
        let room = width.saturating_sub(label + length + 4);
        let remark = longest(|lane| &lane.remark).unwrap_or(0);
        let worth = room >= ROOMY + 2 + remark.min(WORTH);
        let remark = if worth {
            remark.min(room - ROOMY - 2)
        } else {
            0
        };
        let beside = if remark == 0 { 0 } else { remark + 2 };
        let cells = (room - beside.min(room)).clamp(LEAST_CELLS, MOST_CELLS);
        // What the cells leave over is room for remarks.
        let remark = if remark == 0 {
            0
        } else {
            room.saturating_sub(cells + 2)
        };
        let ruler = Ruler {
            from: self.from,
            to: self.to,
            cells,
        };
        Columns {
            label,
            length,
            remark,
            ruler,
        }
    }

    fn axis(&self, columns: &Columns, marks: &[(usize, String)]) -> String {
        let mut axis = String::new();
        for (cell, label) in marks {
            let fits = cell + count(label) <= columns.ruler.cells;
            if fits && count(&axis) <= *cell {
                axis = format!("{axis:cell$}{label}");
            }
        }
        let indent = columns.label + 3;
        let date = self.zone.short(self.from, "%a %Y-%m-%d");
        let date = if count(&date) < indent {
            date
        } else {
            String::new()
        };
        line(&format!(
            "{}{}",
            Paint::Strong.text(&format!("{date:indent$}")),
            Paint::Faint.text(&axis)
        ))
    }

    /// Explains the looks that are seen.
    fn legend(&self, ruler: &Ruler) -> String {
        let looks = self.lanes().flat_map(|lane| looks(lane, ruler)).flatten();
        let looks: BTreeSet<Look> = looks.collect();
        let said = |look: Look| match look {
            Look::Open => "open",
            Look::Waits => "comes up, or waits",
            Look::Goes => "drains and goes",
            Look::TriedInVain => "failed attempt",
            Look::Fine => "up, or at work",
            Look::AtWork => "at work now",
            Look::Failed => "failed",
        };
        let looks = looks.iter().rev().map(|look| {
            let (cell, paint) = look.cell();
            format!(
                "{} {}",
                paint.text(&cell.to_string()),
                Paint::Faint.text(said(*look))
            )
        });
        looks.collect::<Vec<_>>().join("   ")
    }
}

fn drawn(lane: &Lane, columns: &Columns, marks: &[(usize, String)]) -> String {
    let (mark, paint) = lane.mark;
    let label = cut(&lane.label, columns.label);
    let cells = cells(lane, &columns.ruler, marks);
    let length = format!("{:>width$}", lane.length, width = columns.length);
    let remark = cut(&lane.remark, columns.remark);
    let mark = paint.text(&mark.to_string());
    let label = format!("{label:width$}", width = columns.label);
    let remark = if remark.is_empty() {
        remark
    } else {
        format!("  {}", Paint::Faint.text(&remark))
    };
    format!("{mark} {label} {cells} {length}{remark}")
}

/// What is seen in each cell of a lane.
fn looks(lane: &Lane, ruler: &Ruler) -> Vec<Option<Look>> {
    let mut looks: Vec<Option<Look>> = vec![None; ruler.cells];
    for span in lane
        .spans
        .iter()
        .filter(|span| span.to >= ruler.from && span.from < ruler.to)
    {
        let (first, last) = (ruler.cell(span.from), ruler.cell(span.to));
        // What ends as a cell begins is not seen in it.
        let ends = span.to > span.from && last > first && begins_cell(ruler, span.to, last);
        for look in &mut looks[first..=if ends { last - 1 } else { last }] {
            *look = (*look).max(Some(span.look));
        }
    }
    looks
}

/// The cells of a lane; a run of equal ones is painted at once.
fn cells(lane: &Lane, ruler: &Ruler, marks: &[(usize, String)]) -> String {
    let looks = looks(lane, ruler);
    let cell = |(at, look): (usize, &Option<Look>)| match look {
        Some(look) => look.cell(),
        None if marks.iter().any(|(mark, _)| *mark == at) => ('┊', Paint::Faint),
        None => (' ', Paint::Plain),
    };
    let drawn: Vec<(char, Paint)> = looks.iter().enumerate().map(cell).collect();
    let runs = drawn.chunk_by(|(_, one), (_, other)| one == other);
    runs.map(|run| {
        run[0]
            .1
            .text(&run.iter().map(|(cell, _)| cell).collect::<String>())
    })
    .collect()
}

fn begins_cell(ruler: &Ruler, instant: Timestamp, cell: usize) -> bool {
    let before = instant
        .checked_sub(jiff::SignedDuration::from_millis(1))
        .unwrap_or(instant);
    ruler.cell(before) < cell
}

fn line(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// At most so many characters, with a sign that there were more.
fn cut(text: &str, most: usize) -> String {
    if count(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    if most == 0 {
        kept
    } else {
        format!("{kept}…")
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Span;
    use super::*;

    fn render(width: u16) -> String {
        let zone = Zone::named("America/Los_Angeles").unwrap();
        let at = |hour: &str| zone.parse(&format!("2026-03-02T{hour}")).unwrap();
        let span = |from, to, look| Span {
            from: at(from),
            to: at(to),
            look,
        };
        let lane = |label: &str, mark, spans, remark: &str| Lane {
            mark: (mark, Paint::Good),
            label: label.to_owned(),
            spans,
            length: "3h01m".to_owned(),
            remark: remark.to_owned(),
        };
        let cluster = vec![
            span("00:00", "06:00", Look::Waits),
            span("06:00", "12:00", Look::Fine),
        ];
        let run = vec![
            span("06:00", "18:00", Look::Open),
            span("07:00", "07:01", Look::TriedInVain),
            span("12:00", "12:00", Look::Failed),
        ];
        let before = vec![span("00:00", "00:00", Look::Fine)];
        let chart = Chart {
            from: at("00:00"),
            to: zone.parse("2026-03-03").unwrap(),
            zone: &zone,
            groups: vec![
                (
                    "clusters",
                    vec![lane("weather/etl", '✓', cluster, "100 nodes")],
                ),
                (
                    "runs",
                    vec![
                        lane("weather/daily", '✗', run, ""),
                        lane("weather/nightly", '✓', before, ""),
                    ],
                ),
                ("nothing", Vec::new()),
            ],
        };
        anstream::adapter::strip_str(&chart.render(width)).to_string()
    }

    #[test]
    fn lanes_are_drawn_under_the_local_time_and_only_what_is_seen_is_explained() {
        let expected = "\
Mon 2026-03-02    00:00 06:00 12:00 18:00
clusters
✓ weather/etl     ░░░░░░██████┊     ┊      3h01m
runs
✗ weather/daily   ┊     ─▚────✗─────┊      3h01m
✓ weather/nightly █     ┊     ┊     ┊      3h01m
✗ failed   █ up, or at work   ▚ failed attempt   ░ comes up, or waits   ─ open
";
        assert_eq!(render(48), expected);
        assert_eq!(render(20), expected, "as narrow as it gets");
    }

    #[test]
    fn remarks_are_shown_where_there_is_room() {
        assert!(!render(80).contains("100 nodes"));
        let wide = render(90);
        assert!(wide.contains("3h01m  100 nodes"), "{wide}");
        let longest = wide.lines().map(count).max().unwrap_or(0);
        assert!(longest <= 90, "{longest}");
    }
}
