//! States that a person can picture, one a line, with what must come next.

use super::{CLEAN, NAMES, Server, ask, cluster, name};
use harden::desired::EncryptionPhase;
use harden::plan::ClusterOperation;
use harden::stage::Stage;

/// A server in one letter, and the config that it gets in one letter:
/// `.` nothing · `r` reads, not yet proven · `R` proven to read · `w` has the writing config, not yet proven · `W` proven to
/// write · `f` a reading file without the flag · `g` a writing file without the flag · `?` not reached.
fn server(letter: char) -> Server {
    use EncryptionPhase::{Read, Write};
    let on = |file, loaded| Server { reached: true, file: Some(file), flag: true, loaded };
    match letter {
        '.' => CLEAN,
        'r' => on(Read, None),
        'R' => on(Read, Some(Read)),
        'w' => on(Write, Some(Read)),
        'W' => on(Write, Some(Write)),
        'f' => Server { file: Some(Read), ..CLEAN },
        'g' => Server { file: Some(Write), ..CLEAN },
        '?' => Server { reached: false, ..CLEAN },
        _ => panic!("{letter}"),
    }
}

fn phases(stage: &Stage) -> String {
    NAMES
        .iter()
        .filter_map(|node| stage.encryption.get(&name(node)))
        .map(|phase| match phase {
            EncryptionPhase::Read => 'R',
            EncryptionPhase::Write => 'W',
        })
        .collect()
}

#[test]
fn what_comes_next() {
    // Servers, Secrets in plain text, Secrets written with the key; the stage, the configs.
    let table = [
        ("...", 5, 0, "encryption-read", "RRR"),
        ("...", 0, 0, "encryption-read", "RRR"),
        (".", 5, 0, "encryption-read", "R"),
        ("R", 5, 0, "encryption-write", "W"),
        // Cut short while the key was handed out.
        ("R..", 5, 0, "encryption-read", "RRR"),
        ("RR.", 5, 0, "encryption-read", "RRR"),
        ("RRr", 5, 0, "encryption-read", "RRR"),
        ("RRf", 5, 0, "encryption-read", "RRR"),
        ("RR?", 5, 0, "encryption-read", "RRR"),
        ("f..", 5, 0, "encryption-read", "RRR"),
        // A writing config that no API server is told of makes nobody write.
        ("g..", 5, 0, "encryption-read", "RRR"),
        ("RRR", 5, 0, "encryption-write", "WWW"),
        ("RRR", 0, 0, "encryption-write", "WWW"),
        // Cut short while they began to write.
        ("WRR", 5, 0, "encryption-write", "WWW"),
        ("wRR", 5, 0, "encryption-write", "WRR"),
        ("wwR", 5, 2, "encryption-write", "WWR"),
        ("WWw", 5, 2, "encryption-write", "WWW"),
        ("WWR", 5, 2, "encryption-write", "WWW"),
        // One that cannot read what is written goes there in one step; the others do not move before it does.
        ("W..", 5, 2, "encryption-write", "WWW"),
        ("WR.", 5, 2, "encryption-write", "WRW"),
        ("RR.", 5, 2, "encryption-write", "RRW"),
        ("...", 5, 2, "encryption-write", "WWW"),
        ("WW?", 5, 2, "encryption-write", "WWW"),
        ("WWf", 5, 2, "encryption-write", "WWW"),
        ("WWW", 5, 2, "encryption-rewrite", "WWW"),
        ("WWW", 5, 0, "encryption-rewrite", "WWW"),
        ("WWW", 1, 7, "encryption-rewrite", "WWW"),
        ("WWW", 0, 7, "declared", "WWW"),
        ("WWW", 0, 0, "declared", "WWW"),
    ];
    for (letters, plain, written, title, configs) in table {
        let servers: Vec<Server> = letters.chars().map(server).collect();
        let observed = cluster(&servers, plain, written);
        let stage = ask(&servers, Some(&observed)).unwrap();
        let case = format!("{letters} {plain} {written}");
        assert_eq!((stage.title.name.as_str(), phases(&stage).as_str()), (title, configs), "{case}");
        let order = ["encryption-read", "encryption-write", "encryption-rewrite"];
        let at = order.iter().position(|name| *name == title).map_or(3, |at| at + 1);
        let remaining: Vec<&str> = stage.remaining.iter().map(|title| title.name.as_str()).collect();
        assert_eq!(remaining, order[at..], "{case}");
        assert_eq!(stage.gates.len(), servers.len(), "{case}");
        assert_eq!(stage.operations.is_empty(), title != "encryption-rewrite", "{case}");
    }
}

#[test]
fn the_rewrite_names_what_every_value_must_begin_with() {
    let servers: Vec<Server> = "WWW".chars().map(server).collect();
    let stage = ask(&servers, Some(&cluster(&servers, 1, 0))).unwrap();
    assert_eq!(
        stage.operations,
        [ClusterOperation::RewriteEncrypted {
            resources: vec![String::from("secrets")],
            prefix: String::from("k8s:enc:secretbox:v1:key-1:")
        }]
    );
}

#[test]
fn a_directory_tree_stays_where_everybody_only_reads() {
    for (letters, title, configs) in [
        ("...", "encryption-read", "RRR"),
        ("RRR", "encryption-read", "RRR"),
        ("RR.", "encryption-read", "RRR"),
        ("WRR", "encryption-write", "WRR"),
        ("WWW", "encryption-write", "WWW"),
    ] {
        let servers: Vec<Server> = letters.chars().map(server).collect();
        let stage = ask(&servers, None).unwrap();
        assert_eq!((stage.title.name.as_str(), phases(&stage).as_str()), (title, configs), "{letters}");
        assert!(stage.gates.is_empty() && !stage.remaining.is_empty());
        for title in &stage.remaining {
            assert!(title.title.ends_with("(needs a running cluster)"), "{title:?}");
        }
    }
}
