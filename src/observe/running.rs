//! The processes of units: what each was started with, beside what its unit and its environment files say. Pure functions on
//! what the probe found.

use super::ObserveError;
use super::lines::Lines;
use crate::remote::Reply;
use crate::resource::UnitProcess;
use std::collections::BTreeMap;

/// How many of its ticks a kernel counts in a second when it tells programs of processes: `USER_HZ`, 100 on every architecture
/// that Kubernetes runs on.
const TICKS: i64 = 100;
/// Where, behind the name of the process, `/proc/PID/stat` says when it was started: field 22 of proc(5), and the name is the
/// second.
const START_FIELD: usize = 19;

/// What is said of one unit.
#[derive(Default)]
struct Said {
    started: Option<i64>,
    exec: String,
    variables: BTreeMap<String, String>,
    command: Vec<String>,
}

/// The processes of the units that were asked for and have one, by unit. `clock` is the node's, in seconds since 1970.
pub(super) fn running(reply: &Reply, clock: i64) -> Result<BTreeMap<String, UnitProcess>, ObserveError> {
    let lines = Lines::of(reply, "running")?;
    let (mut found, mut up): (Vec<(String, Said)>, _) = (Vec::new(), 0);
    for (number, line) in lines.lossy() {
        let malformed = || lines.malformed(number, "a word and what it says of a unit", &line);
        if let (Some(argument), Some((_, said))) = (line.strip_prefix('='), found.last_mut()) {
            said.command.push(argument.to_owned());
            continue;
        }
        let (word, rest) = line.split_once(' ').ok_or_else(malformed)?;
        match (word, found.last_mut()) {
            ("uptime", None) => up = seconds(rest).ok_or_else(malformed)?,
            ("unit", _) => found.push((rest.to_owned(), Said::default())),
            ("stat", Some((_, said))) => {
                let ticks: i64 = rest
                    .split(' ')
                    .nth(START_FIELD)
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(malformed)?;
                said.started = Some(clock - up + ticks / TICKS);
            }
            ("exec", Some((_, said))) => rest.clone_into(&mut said.exec),
            ("environment", Some((_, said))) => said.variables.extend(assignments(rest)),
            // The later one counts, and files come after the unit's own.
            ("variable", Some((_, said))) => said.variables.extend(assignment(rest)),
            _ => return Err(malformed()),
        }
    }
    Ok(found.into_iter().filter_map(|(unit, said)| Some((unit, said.process()?))).collect())
}

fn seconds(uptime: &str) -> Option<i64> {
    uptime.split('.').next()?.parse().ok()
}

impl Said {
    fn process(self) -> Option<UnitProcess> {
        let declared = argv(&self.exec).map(|argv| expand(argv, &self.variables));
        Some(UnitProcess { started: self.started?, command: words(&self.command.join(" ")), declared })
    }
}

/// The arguments in systemd's `{ path=… ; argv[]=… ; ignore_errors=… }`; `None` where there are several commands, or none.
fn argv(exec: &str) -> Option<&str> {
    let (argv, rest) = exec.split_once("argv[]=")?.1.split_once(" ; ")?;
    (!rest.contains("argv[]=")).then_some(argv)
}

/// As systemd.service(5) expands variables: `$NAME` alone becomes the words of the value, `${NAME}` the value within its word.
/// What is quoted cannot be told here, so that both sides are compared word by word.
fn expand(argv: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let mut expanded = Vec::new();
    for word in argv.split_whitespace() {
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            expanded.extend(words(value(name)));
            continue;
        }
        let mut text = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            text.push_str(before);
            text.push_str(value(name));
            rest = behind;
        }
        text.push_str(rest);
        expanded.extend(words(&text.replace("$$", "$")));
    }
    expanded
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// `A=1 "B=2 3"`, as systemctl shows an environment.
fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (one, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        found.extend(assignment(one));
        rest = after.trim_start();
    }
    found
}

/// `NAME=VALUE`, the value in quotes or not.
fn assignment(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = value.trim();
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some((name.trim().to_owned(), bare.unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::reply;

    const STAT: &str = "S 1 10 10 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 12000 0 0";

    #[test]
    fn a_process_is_told_beside_what_it_should_be() {
        let text = format!(
            "uptime 500.25 900.0\nunit kubelet.service\nstat {STAT}\n\
             exec {{ path=/usr/bin/kubelet ; argv[]=/usr/bin/kubelet $CONFIG $EXTRA --root=${{ROOT}}/kubelet $UNSET ; ignore_errors=no ; pid=1 }} \n\
             environment \"CONFIG=--config=/a.yaml --kubeconfig=/b\" ROOT=/x \n\
             variable EXTRA=\"--v=2 --node-ip=10.0.0.1\"\nvariable ROOT=/var/lib\n\
             =/usr/bin/kubelet\n=--config=/a.yaml\n=--kubeconfig=/b\n=--v=9\n=--root=/var/lib/kubelet\n"
        );
        let found = running(&reply([("running", text.as_str())]), 10_000).unwrap();
        let process = &found["kubelet.service"];
        assert_eq!(process.started, 10_000 - 500 + 120);
        assert_eq!(
            process.declared.as_ref().unwrap().join(" "),
            "/usr/bin/kubelet --config=/a.yaml --kubeconfig=/b --v=2 --node-ip=10.0.0.1 --root=/var/lib/kubelet"
        );
        assert_eq!(
            process.command.join(" "),
            "/usr/bin/kubelet --config=/a.yaml --kubeconfig=/b --v=9 --root=/var/lib/kubelet"
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_judged() {
        assert!(running(&reply([("running", "")]), 1).unwrap().is_empty());
        for exec in ["", "{ path=/a ; argv[]=/a ; x=1 } { path=/b ; argv[]=/b ; x=1 } "] {
            let text = format!("uptime 1.0\nunit a.service\nstat {STAT}\nexec {exec}\nenvironment \n=/a\n");
            let found = running(&reply([("running", text.as_str())]), 1).unwrap();
            assert_eq!(found["a.service"].declared, None, "{exec}");
        }
        for bad in ["=x", "unit a.service\nstat 1 2 3", "x", "stat 1"] {
            assert!(running(&reply([("running", bad)]), 1).is_err(), "{bad}");
        }
    }
}
