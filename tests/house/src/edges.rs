//! Checks every edge between crates against the layer table.

use crate::layers::{
    FOR_MAIN, FOR_TESTS, LAYERS, LIBRARIES_FOR_TESTS, Layer, Layers, Libraries, layer_of,
    reserved_for,
};
use crate::workspace::{By, Edge, To};

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
            let besides = match edge.by {
                By::Whole => false,
                By::Feature => FOR_MAIN.contains(&(from.name, layer.name)),
                By::Tests => FOR_TESTS.contains(&layer.name),
            };
            (to, besides || may_import_layer(from, layer.name))
        }
        To::Library(library) => (
            library,
            may_import_library(from, library, edge.by == By::Tests),
        ),
    };
    (!allowed).then(|| {
        let section = match edge.by {
            By::Whole => "dependencies",
            By::Feature => "optional dependencies",
            By::Tests => "dev-dependencies",
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
    let for_its_tests = |(layer, beginning): &(&str, &str)| {
        for_tests && *layer == from.name && library.starts_with(beginning)
    };
    let reserved = reserved_for(library).is_some_and(|owner| owner != from.name)
        && !LIBRARIES_FOR_TESTS.iter().any(for_its_tests);
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
        const WHOLE: By = By::Whole;
        let cases = [
            ("shared/choreography", library("tokio"), WHOLE, false),
            ("shared/choreography", library("tracing"), WHOLE, false),
            ("shared/choreography", library("rand"), WHOLE, false),
            ("shared/choreography", library("rusqlite"), By::Tests, false),
            ("shared/choreography", library("proptest"), By::Tests, true),
            ("shared/choreography", house("shared/ports"), WHOLE, false),
            ("shared/choreography", house("shared/model"), WHOLE, true),
            ("shared/model", house("shared/choreography"), WHOLE, false),
            (
                "shared/protocols",
                house("shared/choreography"),
                WHOLE,
                true,
            ),
            (
                "functions/submit-task",
                house("functions/observe-task"),
                WHOLE,
                false,
            ),
            (
                "functions/submit-task",
                house("shared/definitions"),
                WHOLE,
                false,
            ),
            (
                "functions/register-definitions",
                house("shared/definitions"),
                WHOLE,
                true,
            ),
            (
                "functions/submit-task",
                house("shared/testkit"),
                WHOLE,
                false,
            ),
            (
                "functions/submit-task",
                house("shared/testkit"),
                By::Tests,
                true,
            ),
            (
                "functions/submit-task",
                library("serde_yaml_ng"),
                By::Tests,
                false,
            ),
            ("functions/operate", house("shared/aws"), By::Feature, true),
            ("functions/operate", house("shared/aws"), WHOLE, false),
            (
                "functions/operate",
                house("shared/local"),
                By::Feature,
                false,
            ),
            (
                "functions/operate",
                library("aws-config"),
                By::Feature,
                false,
            ),
            ("shared/local", house("shared/aws"), By::Feature, false),
            ("shared/local", house("functions/submit-task"), WHOLE, true),
            ("shared/local", library("rusqlite"), WHOLE, true),
            ("shared/local", library("aws-sdk-sqs"), WHOLE, false),
            ("shared/aws", library("aws-sdk-sqs"), WHOLE, true),
            ("cli", library("aws-config"), By::Feature, false),
            ("cli", library("aws-sdk-sqs"), WHOLE, false),
            ("cli", library("aws-sdk-sqs"), By::Tests, true),
            ("cli", library("lambda_runtime"), By::Tests, false),
            ("shared/aws", library("rusqlite"), WHOLE, false),
            ("shared/aws", house("shared/ports"), WHOLE, true),
            ("shared/aws", house("shared/channels"), WHOLE, true),
            ("shared/channels", library("aws-sdk-sns"), WHOLE, false),
            ("shared/channels", library("reqwest"), WHOLE, false),
            ("functions/alert", house("shared/channels"), WHOLE, false),
            ("shared/aws", house("shared/choreography"), WHOLE, false),
            ("shared/aws", house("functions/submit-task"), WHOLE, false),
            ("shared/testkit", house("shared/local"), WHOLE, false),
            ("cli", library("rusqlite"), WHOLE, false),
            ("cli", library("lambda_runtime"), WHOLE, false),
            ("cli", house("shared/local"), WHOLE, true),
            ("tests/engine", library("rusqlite"), By::Tests, true),
        ];
        for (from, to, by, allowed) in cases {
            let layer = layer_of(from).expect("the table has this layer");
            let edge = Edge { to, by };
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
