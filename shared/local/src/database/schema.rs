//! The tables, and views for people with the `sqlite3` shell.

use std::path::Path;

use rusqlite::Connection;

use super::error::DataError;

/// Marks the file as murmur's (`PRAGMA application_id`): "murm".
const APPLICATION: i64 = 0x6d75_726d;
/// The layout's version (`PRAGMA user_version`).
const VERSION: i64 = 1;

/// Keys are clustered, so a run's items lie side by side; there is no second tree to keep.
const TABLES: &str = "
CREATE TABLE items (
    partition        TEXT NOT NULL,
    sort             TEXT NOT NULL,
    kind             TEXT NOT NULL,
    version          INTEGER NOT NULL,
    body             TEXT NOT NULL,
    due_ms           INTEGER,
    listing_workflow TEXT,
    listing_ms       INTEGER,
    PRIMARY KEY (partition, sort)
) WITHOUT ROWID;
CREATE INDEX items_due ON items (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX items_listed ON items (listing_workflow, listing_ms) WHERE listing_workflow IS NOT NULL;

-- Messages that are to be delivered; visible_ms is 0 when at once.
CREATE TABLE inbox (
    function   TEXT NOT NULL,
    id         INTEGER NOT NULL,
    body       TEXT NOT NULL,
    sent_ms    INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    receives   INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    reason     TEXT,
    PRIMARY KEY (function, id)
) WITHOUT ROWID;

-- Messages from other processes, on their way into the inbox.
CREATE TABLE mailbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    body     TEXT NOT NULL,
    delay_ms INTEGER NOT NULL
);

CREATE TABLE dead_letters (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    body     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       TEXT NOT NULL,
    receives INTEGER NOT NULL
);

CREATE TABLE engine (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE VIEW runs AS SELECT
    json_extract(body, '$.run') AS run,
    json_extract(body, '$.team') AS team,
    json_extract(body, '$.workflow') AS workflow,
    json_extract(body, '$.slot') AS slot,
    json_extract(body, '$.logical_date') AS logical_date,
    json_extract(body, '$.state') AS state,
    json_extract(body, '$.generation') AS generation,
    json_extract(body, '$.started_at') AS started_at,
    json_extract(body, '$.ended_at') AS ended_at,
    json_extract(body, '$.reason') AS reason
FROM items WHERE kind = 'run';

CREATE VIEW tasks AS SELECT
    json_extract(body, '$.run') AS run,
    json_extract(body, '$.task') AS task,
    json_extract(body, '$.team') AS team,
    json_extract(body, '$.workflow') AS workflow,
    json_extract(body, '$.state') AS state,
    json_extract(body, '$.generation') AS generation,
    json_extract(body, '$.attempt') AS attempt,
    json_extract(body, '$.cluster') AS cluster,
    json_extract(body, '$.submission') AS submission,
    json_extract(body, '$.ready_at') AS ready_at,
    json_extract(body, '$.submitted_at') AS submitted_at,
    json_extract(body, '$.started_at') AS started_at,
    json_extract(body, '$.ended_at') AS ended_at,
    json_extract(body, '$.reason') AS reason
FROM items WHERE kind = 'task';

CREATE VIEW instances AS SELECT
    json_extract(body, '$.instance') AS instance,
    json_extract(body, '$.team') AS team,
    json_extract(body, '$.cluster') AS cluster,
    json_extract(body, '$.state') AS state,
    json_extract(body, '$.id') AS id,
    json_extract(body, '$.endpoint.master_dns') AS master_dns,
    json_extract(body, '$.window_start') AS window_start,
    json_extract(body, '$.window_end') AS window_end,
    json_extract(body, '$.requested_at') AS requested_at,
    json_extract(body, '$.ready_at') AS ready_at,
    json_extract(body, '$.ended_at') AS ended_at,
    json_extract(body, '$.reason') AS reason
FROM items WHERE kind = 'instance';
";

/// Facts that say how something ended, for history.
const ENDED: &str = "
CREATE TABLE IF NOT EXISTS ended (position INTEGER PRIMARY KEY, fact TEXT NOT NULL);
";

/// Creates the tables in an empty file, all or none; checks the version of any other.
pub fn prepare(connection: &Connection, path: &Path) -> Result<(), DataError> {
    let wrong = |source| DataError::open(path, source);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(wrong)?;
    let empty = is_empty(connection).map_err(wrong)?;
    if !empty {
        connection.execute_batch("ROLLBACK").map_err(wrong)?;
        check(connection, path)?;
        // A folder may be older than this table.
        return connection.execute_batch(ENDED).map_err(wrong);
    }
    connection.execute_batch(TABLES).map_err(wrong)?;
    connection.execute_batch(ENDED).map_err(wrong)?;
    connection
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(wrong)?;
    connection
        .pragma_update(None, "user_version", VERSION)
        .map_err(wrong)?;
    connection.execute_batch("COMMIT").map_err(wrong)
}

/// Refuses what is not murmur's, and layouts this version does not know.
pub fn check(connection: &Connection, path: &Path) -> Result<(), DataError> {
    let wrong = |source| DataError::open(path, source);
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if read("application_id").map_err(wrong)? != APPLICATION {
        return Err(DataError::Foreign { path: path.into() });
    }
    match read("user_version").map_err(wrong)? {
        VERSION => Ok(()),
        found => Err(DataError::Version {
            path: path.into(),
            found,
            known: VERSION,
        }),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_runs_tasks_and_instances_as_columns() {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection, Path::new("in memory")).unwrap();
        let cases = [
            ("run", "running"),
            ("task", "failed"),
            ("instance", "ready"),
        ];
        for (kind, state) in cases {
            let body = format!(r#"{{"team":"weather","state":"{state}"}}"#);
            let sql = "INSERT INTO items (partition, sort, kind, version, body)
                       VALUES ('p', ?1, ?1, 1, ?2)";
            connection.execute(sql, [kind, &body]).unwrap();
        }
        for (kind, state) in cases {
            let sql = format!("SELECT state, team FROM {kind}s");
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map([], read).unwrap();
            let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>().unwrap();
            assert_eq!(rows, [(state.to_owned(), "weather".to_owned())], "{kind}");
        }
    }
}
