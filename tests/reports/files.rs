//! Reports in files: whole or not at all, readable for everybody, and never in place of what is no file.

use super::fixture::{inventory, report};
use harden::error::{Chain, Hint};
use harden::ui::check::{ReportKind, json, write};
use harden::ui::reports::ReportError;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

const KINDS: [ReportKind; 4] = [ReportKind::Json, ReportKind::Sarif, ReportKind::Junit, ReportKind::Html];

#[test]
fn every_report_is_written_whole_and_replaces_the_last() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let path = folder.path().join(kind.to_string());
        fs::write(&path, "the last one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write(kind, &path, &report(), &inventory()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() > 1000 && text.ends_with('\n'), "{kind}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644, "{kind}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), KINDS.len(), "nothing is left beside them");
    let text = fs::read_to_string(folder.path().join("json")).unwrap();
    assert_eq!(text.trim_end(), json(&report()).unwrap());
}

#[test]
fn a_link_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "").unwrap();
    symlink(&target, &link).unwrap();
    write(ReportKind::Junit, &link, &report(), &inventory()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(target).unwrap().starts_with("<?xml"));
}

#[test]
fn what_cannot_be_written_is_said_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |path: &str| {
        let path = folder.path().join(path);
        let error = write(ReportKind::Html, &path, &report(), &inventory()).unwrap_err();
        let text = format!("{} | {}", Chain(&error), error.hint().unwrap_or_default());
        (error, text.replace(&folder.path().display().to_string(), "DIR"))
    };
    let (error, text) = failed("none/report.html");
    assert!(matches!(error, ReportError::Write { .. }));
    assert!(
        text.starts_with("write the html report DIR/none/report.html: No such file or directory")
            && text.ends_with(" | make the directory DIR/none first"),
        "{text}"
    );
    for path in ["", "/dev/null"] {
        let (error, text) = failed(path);
        assert!(matches!(error, ReportError::NotAFile { .. }), "{text}");
        assert!(text.ends_with("is not a regular file | name a new file or one to be replaced"), "{text}");
    }
}
