//! Checks every edge between crates against the layer table.

use crate::layers::{FOR_TESTS, LAYERS, Layer, Layers, Libraries, layer_of, reserved_for};
use crate::workspace::{Edge, To};

const WHAT_TO_DO: &str = "move the code that needs the import to a layer that may have it. If the \
    table itself should change, change tests/house/src/layers.rs and add a line under `Decisions` \
    in ARCHITECTURE.md, in the same commit.";

/// Says what is wrong with an edge; `None` when nothing is.
fn breach(from: &Layer, folder: &str, edge: &Edge) -> Option<String> {
    let (imported, allowed) = match &edge.to {
        To::House(to) => {
            let Some(layer) = layer_of(to) else {
                return Some(format!("{folder} imports {to}, which is in no layer"));
            };
            let for_tests = edge.for_tests && FOR_TESTS.contains(&layer.name);
            (to, for_tests || may_import_layer(from, layer.name))
        }
        To::Library(library) => (library, may_import_library(from, library, edge.for_tests)),
    };
    (!allowed).then(|| {
        let section = if edge.for_tests {
            "dev-dependencies"
        } else {
            "dependencies"
        };
        format!(
            "{folder} imports {imported} ({section}), but {}",
            rule(from, imported)
        )
    })
}

fn may_import_layer(from: &Layer, to: &str) -> bool {
    match from.layers {
        Layers::All => true,
        Layers::Only(layers) => layers.contains(&to),
    }
}

fn may_import_library(from: &Layer, library: &str, for_tests: bool) -> bool {
    let reserved = reserved_for(library).is_some_and(|owner| owner != from.name);
    match from.libraries {
        Libraries::All => true,
        Libraries::AllButReserved => !reserved,
        Libraries::Only(libraries) => libraries.contains(&library) || (for_tests && !reserved),
    }
}

fn rule(from: &Layer, imported: &str) -> String {
    if let Some(owner) = reserved_for(imported) {
        return format!("{imported} is for {owner} alone");
    }
    let layers = match from.layers {
        Layers::All => "any crate of the house".to_owned(),
        Layers::Only([]) => "no other crate of the house".to_owned(),
        Layers::Only(layers) => layers.join(", "),
    };
    let libraries = match from.libraries {
        Libraries::All | Libraries::AllButReserved => "any library".to_owned(),
        Libraries::Only(libraries) => libraries.join(", "),
    };
    format!(
        "{} may import {layers}; and {libraries}: {}",
        from.name, from.because
    )
}

mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::assert_none;
    use crate::workspace::crates;

    #[test]
    fn every_crate_imports_only_what_its_layer_may() {
        let mut breaches = Vec::new();
        for one in crates() {
            let Some(layer) = layer_of(&one.folder) else {
                breaches.push(format!("{} is in no layer", one.folder));
                continue;
            };
            breaches.extend(
                one.edges
                    .iter()
                    .filter_map(|edge| breach(layer, &one.folder, edge)),
            );
        }
        assert_none(&breaches, WHAT_TO_DO);
    }

    #[test]
    fn every_layer_has_a_crate() {
        let crates = crates();
        let used: BTreeSet<&str> = crates
            .iter()
            .filter_map(|one| Some(layer_of(&one.folder)?.name))
            .collect();
        let stale: Vec<&str> = LAYERS
            .iter()
            .map(|layer| layer.name)
            .filter(|name| !used.contains(name))
            .collect();
        assert!(
            stale.is_empty(),
            "the table names layers that are gone: {stale:?}"
        );
    }

    #[test]
    fn a_made_up_edge_is_refused() {
        let house = |to: &str| To::House(to.to_owned());
        let library = |to: &str| To::Library(to.to_owned());
        let cases = [
            ("shared/choreography", library("tokio"), false, false),
            ("shared/choreography", library("tracing"), false, false),
            ("shared/choreography", library("rand"), false, false),
            ("shared/choreography", library("rusqlite"), true, false),
            ("shared/choreography", library("proptest"), true, true),
            ("shared/choreography", house("shared/ports"), false, false),
            ("shared/choreography", house("shared/model"), false, true),
            ("shared/model", house("shared/choreography"), false, false),
            (
                "shared/protocols",
                house("shared/choreography"),
                false,
                true,
            ),
            (
                "functions/submit-task",
                house("functions/observe-task"),
                false,
                false,
            ),
            (
                "functions/submit-task",
                house("shared/definitions"),
                false,
                false,
            ),
            (
                "functions/register-definitions",
                house("shared/definitions"),
                false,
                true,
            ),
            (
                "functions/submit-task",
                house("shared/testkit"),
                false,
                false,
            ),
            ("functions/submit-task", house("shared/testkit"), true, true),
            (
                "functions/submit-task",
                library("serde_yaml_ng"),
                true,
                false,
            ),
            ("shared/local", house("functions/submit-task"), false, true),
            ("shared/local", library("rusqlite"), false, true),
            ("shared/local", library("aws-sdk-sqs"), false, false),
            ("shared/aws", library("aws-sdk-sqs"), false, true),
            ("shared/aws", library("rusqlite"), false, false),
            ("shared/aws", house("shared/ports"), false, true),
            ("shared/aws", house("shared/choreography"), false, false),
            ("shared/aws", house("functions/submit-task"), false, false),
            ("shared/testkit", house("shared/local"), false, false),
            ("cli", library("rusqlite"), false, false),
            ("cli", library("lambda_runtime"), false, false),
            ("cli", house("shared/local"), false, true),
            ("tests/engine", library("rusqlite"), true, true),
        ];
        for (from, to, for_tests, allowed) in cases {
            let layer = layer_of(from).expect("the table has this layer");
            let edge = Edge { to, for_tests };
            let breach = breach(layer, from, &edge);
            assert_eq!(breach.is_none(), allowed, "{from}: {breach:?}");
        }
    }

    #[test]
    fn a_crate_nobody_placed_is_in_no_layer() {
        for folder in ["shared/helpers", "tools", "functions"] {
            assert!(layer_of(folder).is_none(), "{folder}");
        }
    }
}
