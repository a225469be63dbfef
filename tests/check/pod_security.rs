//! What PodSecurity enforces by default is read where it stands: in the file that each API server's flag names.

use super::host::Host;
use super::support::name;
use harden::check::{Benchmark, add_pod_security, questions};
use harden::inventory::Role;
use harden::resource::ClusterEvidence;
use std::collections::BTreeSet;

const AT: &str = "/etc/kubernetes/admission/config.yaml";

fn config(level: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: EventRateLimit\n  path: x.yaml\n\
         - name: PodSecurity\n  configuration:\n    defaults: {{{level}}}\n    exemptions: {{namespaces: [kube-system, ci]}}\n"
    )
}

/// The default of a cluster whose API servers have these files.
fn default(files: &[Option<&str>]) -> Option<String> {
    let roles: BTreeSet<Role> = [Role::ControlPlane].into();
    let asked = questions(Benchmark::named("cis-1.12").unwrap(), &roles);
    let node = |(number, text): (usize, Option<&str>)| {
        let mut host = Host::default();
        let flag = text.map(|_| format!(" --admission-control-config-file={AT}")).unwrap_or_default();
        host.run(&format!("kube-apiserver --profiling=false{flag}"));
        if let Some(text) = text {
            host.write(AT, "600 root:root", text);
        }
        (name(&format!("cp-{number}")), roles.clone(), host.answer(&asked))
    };
    let nodes: Vec<_> = files.iter().copied().enumerate().map(node).collect();
    let mut cluster = ClusterEvidence::default();
    add_pod_security(&mut cluster, &nodes);
    assert_eq!(cluster.pod_security_exempt.contains("ci"), cluster.pod_security_default.is_some());
    cluster.pod_security_default
}

#[test]
fn all_api_servers_must_say_the_same() {
    let (baseline, restricted, none) =
        (config("enforce: baseline"), config("enforce: restricted"), config(""));
    for (files, expected) in [
        (vec![Some(baseline.as_str()), Some(&baseline)], Some("baseline")),
        (vec![Some(none.as_str())], Some("privileged")),
        (vec![Some(baseline.as_str()), Some(&restricted)], None),
        (vec![Some(baseline.as_str()), None], None),
        (vec![None, Some(baseline.as_str())], None),
        (vec![Some("plugins: []\n")], None),
        (vec![Some("plugins:\n- name: PodSecurity\n  path: other.yaml\n")], None),
        (vec![Some(": no yaml")], None),
        (vec![], None),
    ] {
        assert_eq!(default(&files).as_deref(), expected, "{files:?}");
    }
}
