//! The layer table: who may import whom. Anything else is a defect.

/// A layer: one crate, or the crates of one folder.
pub struct Layer {
    pub name: &'static str,
    /// Where its crates are; `/*` stands for every folder that no other layer names.
    pub folder: &'static str,
    /// Layers whose crates it may import.
    pub layers: Layers,
    /// Crates from outside it may import.
    pub libraries: Libraries,
    /// Why.
    pub because: &'static str,
}

pub enum Layers {
    Only(&'static [&'static str]),
    All,
}

pub enum Libraries {
    Only(&'static [&'static str]),
    /// Whatever is not reserved for others.
    AllButReserved,
    All,
}

pub const LAYERS: &[Layer] = &[
    Layer {
        name: "model",
        folder: "shared/model",
        layers: Layers::Only(&[]),
        libraries: Libraries::Only(&["jiff", "serde", "serde_json", "sha2", "thiserror"]),
        because: "it is plain data",
    },
    Layer {
        name: "definitions",
        folder: "shared/definitions",
        layers: Layers::Only(&["model", "choreography"]),
        libraries: Libraries::Only(&[
            "annotate-snippets",
            "jiff",
            "petgraph",
            "saphyr-parser",
            "schemars",
            "serde",
            "serde_json",
            "strsim",
            "thiserror",
        ]),
        because: "it turns YAML text into the model, and asks choreography what that would do",
    },
    Layer {
        name: "choreography",
        folder: "shared/choreography",
        layers: Layers::Only(&["model"]),
        libraries: Libraries::Only(&[
            "jiff",
            "minijinja",
            "serde",
            "serde_json",
            "strsim",
            "thiserror",
        ]),
        because: "it decides: no async, no I/O, no clock, no tracing, no randomness",
    },
    Layer {
        name: "ports",
        folder: "shared/ports",
        layers: Layers::Only(&["model"]),
        libraries: Libraries::Only(&["serde_json", "thiserror"]),
        because: "it only names what the functions need of the world",
    },
    Layer {
        name: "telemetry",
        folder: "shared/telemetry",
        layers: Layers::Only(&["model", "ports"]),
        libraries: Libraries::Only(&["serde_json", "tracing"]),
        because: "it measures what passes through the ports, and every adapter may use it",
    },
    Layer {
        name: "protocols",
        folder: "shared/protocols",
        layers: Layers::Only(&["choreography", "model", "ports"]),
        libraries: Libraries::Only(&["serde_json", "thiserror", "tracing"]),
        because: "it holds steps over the ports that several functions share",
    },
    Layer {
        name: "register-definitions",
        folder: "functions/register-definitions",
        layers: Layers::Only(&["choreography", "definitions", "model", "ports", "protocols"]),
        libraries: Libraries::Only(FUNCTION_LIBRARIES),
        because: "it alone of the functions reads what users write",
    },
    Layer {
        name: "history",
        folder: "shared/history",
        layers: Layers::Only(&["model"]),
        libraries: Libraries::Only(&["bytes", "parquet", "serde_json", "thiserror"]),
        because: "it turns facts into rows and files, and knows no place to keep them",
    },
    Layer {
        name: "analysis",
        folder: "shared/analysis",
        layers: Layers::Only(&["history", "model"]),
        libraries: Libraries::Only(&["async-trait", "datafusion", "serde", "thiserror", "tokio"]),
        because: "it asks files, whoever wrote them; it alone has an SQL engine",
    },
    Layer {
        name: "archive-facts",
        folder: "functions/archive-facts",
        layers: Layers::Only(&["history", "model", "ports"]),
        libraries: Libraries::Only(FUNCTION_LIBRARIES),
        because: "it alone of the functions writes history, and it touches no state",
    },
    Layer {
        name: "functions",
        folder: "functions/*",
        layers: Layers::Only(&["choreography", "model", "ports", "protocols"]),
        libraries: Libraries::Only(FUNCTION_LIBRARIES),
        because: "a function reaches the world, and other functions, through ports alone",
    },
    Layer {
        name: "channels",
        folder: "shared/channels",
        layers: Layers::Only(&["model", "ports"]),
        libraries: Libraries::Only(&[
            "hmac",
            "http-body-util",
            "hyper",
            "hyper-util",
            "rustls",
            "rustls-native-certs",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-rustls",
        ]),
        because: "it posts over HTTP to whoever is not AWS, and decides nothing",
    },
    Layer {
        name: "aws",
        folder: "shared/aws",
        layers: Layers::Only(&["channels", "model", "ports", "telemetry"]),
        libraries: Libraries::AllButReserved,
        because: "it implements ports over AWS, and decides nothing",
    },
    Layer {
        name: "local",
        folder: "shared/local",
        layers: Layers::Only(&[
            "choreography",
            "definitions",
            "functions",
            "model",
            "ports",
            "protocols",
            "register-definitions",
            "telemetry",
        ]),
        libraries: Libraries::AllButReserved,
        because: "it runs the functions in one process",
    },
    Layer {
        name: "testkit",
        folder: "shared/testkit",
        layers: Layers::Only(&["model", "ports"]),
        libraries: Libraries::AllButReserved,
        because: "it implements ports in memory and says what every implementation must do",
    },
    Layer {
        name: "cli",
        folder: "cli",
        layers: Layers::All,
        libraries: Libraries::AllButReserved,
        because: "it is for people, not for Lambda",
    },
    Layer {
        name: "xtask",
        folder: "xtask",
        layers: Layers::All,
        libraries: Libraries::All,
        because: "it builds and tests everything",
    },
    Layer {
        name: "tests",
        folder: "tests/*",
        layers: Layers::All,
        libraries: Libraries::All,
        because: "they test everything",
    },
];

const FUNCTION_LIBRARIES: &[&str] = &[
    "futures-util",
    "serde",
    "serde_json",
    "thiserror",
    "tracing",
];

/// Layers that a layer may import behind a feature, for its `main` alone.
pub const FOR_MAIN: &[(&str, &str)] = &[
    ("archive-facts", "aws"),
    ("functions", "aws"),
    ("register-definitions", "aws"),
];

/// Layers whose crates any crate may import for its tests.
pub const FOR_TESTS: &[&str] = &["testkit"];

/// Layers whose tests alone may import libraries of another layer: people look at AWS by the
/// command line, and its tests must put there what they are to see.
pub const LIBRARIES_FOR_TESTS: &[(&str, &str)] = &[
    ("cli", "aws-config"),
    ("cli", "aws-sdk-"),
    ("cli", "aws-smithy-"),
];

/// Libraries that belong to one layer; `*` at the end stands for any rest.
pub const RESERVED: &[(&str, &str)] = &[
    ("arrow*", "analysis"),
    ("datafusion*", "analysis"),
    ("parquet", "history"),
    ("rusqlite", "local"),
    ("libsqlite3-sys", "local"),
    ("saphyr*", "definitions"),
    ("serde_yaml*", "definitions"),
    ("serde_yml", "definitions"),
    ("yaml-*", "definitions"),
    ("lambda_runtime", "aws"),
    ("aws_lambda_events", "aws"),
    ("aws-*", "aws"),
];

/// Finds the layer of a crate by its folder.
pub fn layer_of(folder: &str) -> Option<&'static Layer> {
    let exact = LAYERS.iter().find(|layer| layer.folder == folder);
    let parent = folder.rsplit_once('/').map(|(parent, _)| parent);
    exact.or_else(|| {
        LAYERS
            .iter()
            .find(|layer| layer.folder.strip_suffix("/*") == parent && parent.is_some())
    })
}

/// The layer a library is reserved for.
pub fn reserved_for(library: &str) -> Option<&'static str> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => library.starts_with(beginning),
        None => library == pattern,
    };
    RESERVED
        .iter()
        .find(|(pattern, _)| is(pattern))
        .map(|(_, layer)| *layer)
}
