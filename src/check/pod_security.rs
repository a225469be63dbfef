//! The Pod Security default of the API servers, from the AdmissionConfiguration that each of them runs with.

use super::command_line::CommandLine;
use super::places::PLACES;
use crate::plan::pod_security::PodSecurityDefault;
use crate::resource::{ClusterEvidence, Evidence, NodePath};

const API_SERVER: &str = "kube-apiserver";
const FLAG: &str = "admission-control-config-file";

/// Notes what the API servers on these nodes let in where no label says otherwise. A request may reach any of them, so the one
/// that lets in most counts, and nothing is noted where one does not say.
pub fn note_pod_security_default<'a>(
    cluster: &mut ClusterEvidence,
    control_planes: impl Iterator<Item = &'a Evidence>,
) {
    let defaults: Option<Vec<PodSecurityDefault>> = control_planes.map(of_node).collect();
    let defaults = defaults.unwrap_or_default();
    let weakest = defaults.iter().map(|default| default.enforce).min();
    cluster.pod_security_default = weakest.map(|level| level.to_string());
    cluster.pod_security_exempt = defaults.into_iter().flat_map(|default| default.exempt).collect();
}

fn of_node(evidence: &Evidence) -> Option<PodSecurityDefault> {
    let component = PLACES.component(API_SERVER)?;
    let command = CommandLine::running(&component.programs, &evidence.processes)?;
    let path: NodePath = command.value(FLAG)?.parse().ok()?;
    PodSecurityDefault::read(evidence.documents.get(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Process;
    use std::collections::BTreeMap;

    const PATH: &str = "/etc/kubernetes/admission/config.yaml";

    fn node(level: &str, exempt: &str) -> Evidence {
        let process = Process {
            program: API_SERVER.to_owned(),
            pid: 1,
            command: vec![API_SERVER.to_owned(), format!("--{FLAG}={PATH}")],
            environment: BTreeMap::new(),
        };
        let text = format!(
            "plugins: [{{name: PodSecurity, configuration: {{defaults: {{enforce: {level}}}, exemptions: {{namespaces: [{exempt}]}}}}}}]"
        );
        let documents = BTreeMap::from([(PATH.parse().unwrap(), text)]);
        Evidence { processes: vec![process], documents, ..Evidence::default() }
    }

    fn noted(nodes: &[Evidence]) -> (Option<String>, Vec<String>) {
        let mut cluster = ClusterEvidence::default();
        note_pod_security_default(&mut cluster, nodes.iter());
        (cluster.pod_security_default, cluster.pod_security_exempt.into_iter().collect())
    }

    #[test]
    fn the_api_server_that_lets_in_most_counts() {
        let (strict, usual) = (node("restricted", "kube-system"), node("baseline", "kube-system, storage"));
        let both =
            (Some(String::from("baseline")), vec![String::from("kube-system"), String::from("storage")]);
        assert_eq!(noted(&[strict.clone(), usual.clone()]), both);
        assert_eq!(noted(std::slice::from_ref(&strict)).0, Some(String::from("restricted")));
        let silent = (None, Vec::new());
        assert_eq!(noted(&[]), silent);
        assert_eq!(noted(&[usual, Evidence::default()]), silent);
        let mut unread = strict;
        unread.documents.clear();
        assert_eq!(noted(&[unread]), silent);
    }
}
