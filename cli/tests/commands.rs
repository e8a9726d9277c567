//! Every console session under `tests/cmd` prints what it says it prints. Drop a file, get a test;
//! `TRYCMD=overwrite cargo test -p murmur --test commands` writes down what is printed now.

#[test]
fn sessions_print_what_they_say() {
    let sessions = trycmd::TestCases::new();
    sessions
        .env("USER", "ann")
        .env("NO_COLOR", "1")
        .env("MURMUR_LOG", "error")
        .timeout(std::time::Duration::from_secs(120))
        .case("tests/cmd/*.trycmd");
}
