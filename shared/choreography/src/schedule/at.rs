//! `at(yyyy-mm-ddThh:mm:ss)`: one wall-clock time, once.
//!
//! Must not know time zones: `zone` turns the wall-clock time into an instant.

use jiff::civil::DateTime;

use super::error::{Piece, ScheduleError};

const SHAPE: &[u8] = b"0000-00-00T00:00:00";

/// Parses what stands between the parentheses.
pub(super) fn parse(body: Piece<'_>) -> Result<DateTime, ScheduleError> {
    let refused = |what: String| {
        let hint = "write at(yyyy-mm-ddThh:mm:ss), e.g. at(2026-11-20T13:00:00), without an offset";
        ScheduleError::expression(body.range(), what, hint)
    };
    let shaped = body.text.len() == SHAPE.len()
        && body
            .text
            .bytes()
            .zip(SHAPE)
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                separator => byte == *separator,
            });
    if !shaped {
        return Err(refused(format!("`{}` is no date and time", body.text)));
    }
    let time: DateTime = body
        .text
        .parse()
        .map_err(|_| refused(format!("`{}` is not in the calendar", body.text)))?;
    // The calendar library takes a leap second and means the second before it.
    if body.text.ends_with(":60") {
        return Err(refused(format!("`{}` has a 60th second", body.text)));
    }
    Ok(time)
}
