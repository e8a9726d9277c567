//! Where a URI lies on this machine.

use std::path::Path;

use super::configuration::LocalConfiguration;

/// Schemes of S3; Hadoop has three names for it.
const S3: [&str; 3] = ["s3://", "s3a://", "s3n://"];

/// Replaces every URI in a text that lies in storage or under a mount by its local path. What is
/// no such URI stays as it is.
pub fn localise(configuration: &LocalConfiguration, text: &str) -> String {
    let mut local = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = first_uri(configuration, rest) {
        let (before, uri) = rest.split_at(found.start);
        local.push_str(before);
        local.push_str(&found.folder);
        rest = &uri[found.length..];
    }
    local.push_str(rest);
    local
}

/// The beginning of a URI, up to where the rest of its path continues the folder.
struct Prefix {
    start: usize,
    length: usize,
    folder: String,
}

fn first_uri(configuration: &LocalConfiguration, text: &str) -> Option<Prefix> {
    let mounted = configuration.mounts.iter().flat_map(|(prefix, folder)| {
        let other_names = prefix.strip_prefix(S3[0]).map(|rest| {
            S3[1..]
                .iter()
                .map(|scheme| format!("{scheme}{rest}"))
                .collect::<Vec<_>>()
        });
        let names = other_names.into_iter().flatten().chain([prefix.clone()]);
        names.map(|name| (name, with_slash_of(prefix, folder)))
    });
    let storage = with_slash_of("/", &configuration.storage);
    let stored = S3.map(|scheme| (scheme.to_owned(), storage.clone()));
    mounted
        .chain(stored)
        .filter_map(|(prefix, folder)| {
            Some(Prefix {
                start: find_at_boundary(text, &prefix)?,
                length: prefix.len(),
                folder,
            })
        })
        .min_by_key(|found| (found.start, std::cmp::Reverse(found.length)))
}

/// A scheme begins a word: `thes3://` is no S3 URI.
fn find_at_boundary(text: &str, prefix: &str) -> Option<usize> {
    text.match_indices(prefix)
        .map(|(start, _)| start)
        .find(|start| {
            let before = text[..*start].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "+-.".contains(c))
        })
}

/// The folder as text, ending in a slash if and only if the prefix does.
fn with_slash_of(prefix: &str, folder: &Path) -> String {
    let folder = folder.display().to_string();
    let bare = folder.trim_end_matches('/');
    if prefix.ends_with('/') {
        format!("{bare}/")
    } else {
        bare.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_paths_and_everything_else_stays() {
        let configuration = LocalConfiguration {
            storage: "/data/storage".into(),
            mounts: [
                ("s3://jobs/".to_owned(), "/src/jobs".into()),
                ("s3://jobs/old/".to_owned(), "/src/old/".into()),
                ("hdfs:///".to_owned(), "/data/hdfs".into()),
            ]
            .into(),
            ..Default::default()
        };
        for (text, expected) in [
            ("s3://lake/a/b.csv", "/data/storage/lake/a/b.csv"),
            ("s3a://lake/a", "/data/storage/lake/a"),
            ("s3://jobs/clean.py", "/src/jobs/clean.py"),
            ("s3n://jobs/clean.py", "/src/jobs/clean.py"),
            ("s3://jobs/old/clean.py", "/src/old/clean.py"),
            ("s3://jobsite/x", "/data/storage/jobsite/x"),
            ("hdfs:///tmp/x", "/data/hdfs/tmp/x"),
            (
                "--path=s3://lake/a,s3://jobs/b",
                "--path=/data/storage/lake/a,/src/jobs/b",
            ),
            ("select 's3://lake/t'", "select '/data/storage/lake/t'"),
            ("thes3://lake", "thes3://lake"),
            ("gs3://lake", "gs3://lake"),
            ("https://example.org/s3", "https://example.org/s3"),
            ("", ""),
        ] {
            assert_eq!(localise(&configuration, text), expected, "{text}");
        }
    }
}
