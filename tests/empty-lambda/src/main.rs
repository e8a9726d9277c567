//! A Lambda that does nothing: what `cargo xtask bench --cold-start` compares the functions with.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let nothing = service_fn(|_: LambdaEvent<Value>| async { Ok::<_, Error>(()) });
    runtime.block_on(lambda_runtime::run(nothing))
}
