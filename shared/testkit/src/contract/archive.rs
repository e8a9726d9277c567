//! What every archive must do.

use ports::archive::Archive;

/// Runs the whole suite on an empty archive.
///
/// # Panics
/// Where the archive differs from the contract.
pub async fn all<A: Archive>(make: impl AsyncFn() -> A) {
    a_file_is_read_as_it_was_put_last(&make().await).await;
    a_folder_is_listed_in_order_and_no_other(&make().await).await;
    what_is_removed_is_gone_and_may_be_removed_again(&make().await).await;
}

/// What partitions are called.
const DAY: &str = "runs/date=2026-03-01/team=weather/";

/// Empty, small or large: to the byte, and a second put replaces the first.
pub async fn a_file_is_read_as_it_was_put_last(archive: &impl Archive) {
    let name = format!("{DAY}facts-1.parquet");
    assert_eq!(archive.get(&name).await, Ok(None));
    for bytes in [vec![0, 255, 10, 13], vec![7; 1_000_000], Vec::new()] {
        assert_eq!(archive.put(&name, bytes.clone()).await, Ok(()));
        assert_eq!(archive.get(&name).await, Ok(Some(bytes)));
    }
}

/// More than one page of them; what is beside the folder is not in it.
pub async fn a_folder_is_listed_in_order_and_no_other(archive: &impl Archive) {
    assert_eq!(archive.list(DAY).await, Ok(Vec::new()));
    let names: Vec<String> = (0..12).map(|n| format!("{DAY}facts-{n:02}")).collect();
    let beside = [
        "runs/date=2026-03-01/team=weather2/facts-1",
        "runs/date=2026-03-02/team=weather/facts-1",
    ];
    let beside = beside.map(str::to_owned);
    for name in names.iter().rev().chain(&beside) {
        assert_eq!(archive.put(name, vec![1]).await, Ok(()));
    }
    assert_eq!(archive.list(DAY).await.as_ref(), Ok(&names));
    let mut whole = names;
    whole.extend(beside);
    assert_eq!(archive.list("runs/").await, Ok(whole));
}

/// Removing one leaves the others.
pub async fn what_is_removed_is_gone_and_may_be_removed_again(archive: &impl Archive) {
    let [one, other] = ["a", "b"].map(|name| format!("{DAY}{name}"));
    for name in [&one, &other] {
        assert_eq!(archive.put(name, vec![1]).await, Ok(()));
    }
    for _ in 0..2 {
        assert_eq!(archive.remove(&one).await, Ok(()));
        assert_eq!(archive.get(&one).await, Ok(None));
    }
    assert_eq!(archive.list(DAY).await, Ok(vec![other]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryArchive, block_on};

    #[test]
    fn the_archive_in_memory_keeps_the_contract() {
        block_on(all(async || MemoryArchive::default()));
    }
}
