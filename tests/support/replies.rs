//! What the node sends back, as data: the runner of cases that are folders of files, and damage that no parser may panic of.

use harden::remote::Reply;
use proptest::prelude::*;
use std::path::Path;

/// Every folder below `tests/FOLDER/` is a case: a file that says what is asked, `reply.txt` that came back, and a file that
/// says what that means or why it is no answer. `outcome` makes of the first two the name and the text of the last.
/// `HARDEN_UPDATE=1` writes that where nothing is expected yet.
pub(crate) fn data_files(
    folder: &str,
    asked: &str,
    at_least: usize,
    outcome: impl Fn(&str, Reply) -> (&'static str, String),
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let read = |name: &str| {
            std::fs::read(case.join(name)).unwrap_or_else(|_| panic!("{}/{name}", case.display()))
        };
        let reply = Reply::parse(&read("reply.txt"), "NONCE", String::new()).expect("the frame is whole");
        let (file, found) = outcome(&String::from_utf8(read(asked)).unwrap(), reply);
        if std::env::var_os("HARDEN_UPDATE").is_some() && !case.join(file).exists() {
            std::fs::write(case.join(file), &found).unwrap();
        }
        assert_eq!(found, String::from_utf8(read(file)).unwrap(), "{}", case.display());
    }
    assert!(count >= at_least, "{count} cases");
}

/// Takes each section out of a reply, which must be an error that names it, and then cuts and overwrites parts of several
/// sections, which may be an error and never a panic. `parse` gives the error's text.
pub(crate) fn damage(whole: &Reply, parse: impl Fn(&Reply) -> Result<(), String>) {
    parse(whole).unwrap();
    let names: Vec<String> = whole.sections.keys().cloned().collect();
    for name in &names {
        let mut without = whole.clone();
        without.sections.remove(name);
        assert_eq!(parse(&without).unwrap_err(), format!("the reply has no section `{name}`"));
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let damage =
        (0..names.len(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..6), 0..9usize);
    runner
        .run(&prop::collection::vec(damage, 1..4), |several| {
            let mut reply = whole.clone();
            for (section, at, bytes, cut) in several {
                let output = &mut reply.sections.get_mut(&names[section]).unwrap().output;
                let start = at.index(output.len() + 1);
                let end = (start + cut).min(output.len());
                output.splice(start..end, bytes);
            }
            let _ = parse(&reply);
            Ok(())
        })
        .unwrap();
}
