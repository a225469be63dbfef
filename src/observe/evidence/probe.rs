//! The script that reads what benchmarks ask of a node. It writes nothing, and starts a number of programs that does not
//! depend on how many files are asked for or processes found, but for etcd's and for secrets: each costs one more.
//!
//! The shell's parts stand in files of their own beside this one, and some are those of the other probe. They run under any
//! POSIX sh with coreutils and find, or busybox.

use super::super::probe::{LARGEST_FILE, glob};
use crate::remote::{Probe, Script, quote, rooted};
use crate::resource::{NodePath, Questions};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How much the kernel keeps of the name of a process.
const NAME_LENGTH: usize = 15;

/// The program whose flags can be set by variables of its environment.
const WITH_VARIABLES: &str = "etcd";

/// How much is asked of a path that a flag names, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// Mode and owner.
    Attributes,
    /// The text.
    Text,
    /// The text without its secrets.
    Masked,
}

impl Wanted {
    fn word(self) -> &'static str {
        match self {
            Self::Attributes => "look",
            Self::Text => "show",
            Self::Masked => "hide",
        }
    }

    fn of(secrets: &BTreeSet<String>) -> Self {
        if secrets.is_empty() { Self::Text } else { Self::Masked }
    }
}

/// The one script that reads everything of a node that `questions` ask for.
///
/// A document with secrets is sent with each secret replaced by its digest, or not at all. Where two questions name
/// different secrets, every document with any has all of them replaced.
pub fn evidence_probe(questions: &Questions) -> Probe {
    let script = Script::new("read evidence")
        .section("facts", include_str!("../facts.sh"))
        .section("processes", processes(questions))
        .section("unread", paths(questions) + include_str!("unread.sh"))
        .section("stat", include_str!("stat.sh"))
        .section("sums", format!("harden_limit={LARGEST_FILE}\n{}", include_str!("../sums.sh")))
        .section("documents", include_str!("documents.sh"))
        .section("sent", include_str!("sent.sh"))
        .section("content", include_str!("../content.sh"))
        .section("masked", masked(questions));
    Probe::that_only_reads(script)
}

/// The script that looks for running programs alone; nothing where there are none to look for. The shell is afterwards as it was.
pub fn process_probe(programs: &[&str]) -> Probe {
    let script = Script::new("look for processes");
    if programs.is_empty() {
        return Probe::that_only_reads(script);
    }
    let body = format!("{}\nunset IFS\n", processes(&of_programs(programs)));
    Probe::that_only_reads(script.section("processes", body))
}

/// Of the node nothing but its programs.
pub(super) fn of_programs(programs: &[&str]) -> Questions {
    Questions {
        programs: programs.iter().map(|program| (*program).to_owned()).collect(),
        ..Questions::default()
    }
}

fn processes(questions: &Questions) -> String {
    let cut = |name: &String| name.get(..NAME_LENGTH).unwrap_or(name).to_owned();
    let names: BTreeSet<String> = questions.programs.iter().map(cut).collect();
    // Between two arguments, while the shell has them, stands a character that IFS does not collapse, so that an empty
    // argument stays one. Written out, since printf would be run by a shell of its own.
    let mut text = String::from("harden_nl='\n'\nharden_between='\u{1f}'\n");
    text.push_str(&list("harden_names", &names));
    text.push_str(&list("harden_programs", &questions.programs));
    text.push_str(&flags(questions));
    text.push_str(include_str!("processes.sh"));
    text
}

/// A variable with these names, a newline before and after each.
fn list(variable: &str, names: &BTreeSet<String>) -> String {
    let mut text = format!("{variable}=$harden_nl");
    for name in names {
        let _ = write!(text, "{}$harden_nl", quote(name));
    }
    text.push('\n');
    text
}

/// The functions that look at an argument (with the one before it) and at a variable, for paths that are asked for.
fn flags(questions: &Questions) -> String {
    let mut wanted: BTreeMap<(&str, &str), Wanted> = BTreeMap::new();
    for flag in &questions.flags {
        let want = flag.document.as_ref().map_or(Wanted::Attributes, Wanted::of);
        let most = wanted.entry((&flag.program, &flag.flag)).or_insert(want);
        *most = want.max(*most);
    }
    let [mut joined, mut apart, mut variables] = [const { String::new() }; 3];
    for ((program, flag), want) in wanted {
        let word = want.word();
        // etcd takes one dash as well as two.
        let [long, short] = ["--", "-"].map(|dashes| quote(&format!("{program}:{dashes}{flag}")));
        let _ = writeln!(joined, "    {long}=* | {short}=*) harden_path_of {word} \"${{2#*=}}\" ;;");
        let _ = writeln!(apart, "    {long} | {short}) harden_path_of {word} \"$2\" ;;");
        if program == WITH_VARIABLES {
            let name = quote(&format!("ETCD_{}", flag.to_uppercase().replace('-', "_")));
            let _ = writeln!(variables, "    {name}=*) harden_path_of {word} \"${{1#*=}}\" ;;");
        }
    }
    format!(
        "harden_look_at() {{\n  case $harden_program:$2 in\n{joined}    *) ;;\n  esac\n  \
         case $harden_program:$1 in\n{apart}    *) ;;\n  esac\n}}\n\
         harden_look_at_variable() {{\n  case $1 in\n{variables}    *) ;;\n  esac\n}}\n"
    )
}

/// The lists of what is asked for by its own name. Patterns are expanded here, the last place where they are.
fn paths(questions: &Questions) -> String {
    let mut text = String::from("harden_paths=");
    let (patterns, plain): (Vec<&String>, Vec<&String>) =
        questions.patterns.iter().partition(|pattern| pattern.contains(['*', '?', '\n']));
    let documents: BTreeSet<&str> = questions.documents.keys().map(NodePath::as_str).collect();
    // What is asked for its text is asked for its mode as well.
    for path in plain.into_iter().filter(|path| !documents.contains(path.as_str())) {
        let _ = write!(text, "{}\"$harden_nl\"", rooted(path));
    }
    text.push('\n');
    if !patterns.is_empty() {
        let patterns: Vec<String> = patterns.into_iter().map(|pattern| glob(pattern)).collect();
        let _ = writeln!(
            text,
            "for harden_path in {}; do\n  case $harden_path in *\"$harden_nl\"*) ;; \
             *) harden_paths=$harden_paths$harden_path$harden_nl ;; esac\ndone",
            patterns.join(" ")
        );
    }
    text.push_str("harden_trees=");
    for tree in &questions.trees {
        let _ = write!(text, "{}\"$harden_nl\"", rooted(tree.as_str()));
    }
    text.push('\n');
    for (path, secrets) in &questions.documents {
        let list = if Wanted::of(secrets) == Wanted::Masked { "harden_hidden" } else { "harden_shown" };
        let _ = writeln!(text, "{list}=${list}{}$harden_nl", rooted(path.as_str()));
    }
    text
}

fn masked(questions: &Questions) -> String {
    let of_flags = questions.flags.iter().filter_map(|flag| flag.document.as_ref());
    let keys: BTreeSet<&String> = questions.documents.values().chain(of_flags).flatten().collect();
    if keys.is_empty() {
        return String::from(":\n");
    }
    let keys: Vec<String> = keys.into_iter().map(|key| quote(key)).collect();
    format!(
        "{}for harden_path in $harden_hide; do harden_mask \"$harden_path\" {}; done\n:\n",
        include_str!("../mask.sh"),
        keys.join(" ")
    )
}
