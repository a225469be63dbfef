//! One folder a case, `tests/plan/edit/NAME/`: `wanted.json` and `before.yaml`, and either `after.yaml`, which must come out
//! byte for byte, or `error.txt`, a part of the error. A new case needs no Rust.

use harden::error::Chain;
use harden::plan::kubeadm::{ControlPlaneComponent, cluster_configuration};
use harden::plan::{manifest, yaml_keys};
use harden::resource::{RunAsSpec, Spec, StaticPodSpec};
use serde::Deserialize;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Configuration {
        #[serde(rename = "cluster-configuration")]
        components: Vec<StaticPodSpec>,
    },
    RunAs {
        #[serde(rename = "run-as")]
        spec: Box<RunAsSpec>,
        component: String,
        /// Of the user and the group.
        numbers: [u32; 2],
    },
    Spec(Box<Spec>),
}

fn edited(wanted: &Wanted, before: &str) -> Result<String, String> {
    match wanted {
        Wanted::Configuration { components } => {
            let components: Vec<_> = components
                .iter()
                .cloned()
                .map(|spec| ControlPlaneComponent {
                    component: spec.component,
                    flags: spec.flags,
                    mounts: spec.mounts,
                })
                .collect();
            cluster_configuration(before, &components)
                .map(|edited| edited.text)
                .map_err(|error| Chain(&error).to_string())
        }
        Wanted::RunAs { spec, component, numbers: [user, group] } => {
            let user = manifest::PodUser { user: *user, group: *group };
            let edited = if spec.enabled {
                manifest::run_as(before, component, spec, user)
            } else {
                manifest::run_as_root(before, component, spec)
            };
            edited.map(|edited| edited.text).map_err(|error| Chain(&error).to_string())
        }
        Wanted::Spec(spec) => edited_file(spec, before),
    }
}

fn edited_file(wanted: &Spec, before: &str) -> Result<String, String> {
    match wanted {
        Spec::StaticPod(spec) => {
            manifest::edit(before, spec).map(|edited| edited.text).map_err(|error| Chain(&error).to_string())
        }
        Spec::YamlKeys(spec) => yaml_keys::edit(before, &spec.keys)
            .map(|edited| edited.text)
            .map_err(|error| Chain(&error).to_string()),
        _ => panic!("this kind edits no file"),
    }
}

#[test]
fn every_case_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/edit");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let wanted: Wanted =
            serde_json::from_str(&fs::read_to_string(case.join("wanted.json")).unwrap()).expect(&name);
        let before = fs::read_to_string(case.join("before.yaml")).unwrap();
        let result = edited(&wanted, &before);
        if let Ok(part) = fs::read_to_string(case.join("error.txt")) {
            let error = result.expect_err(&name);
            assert!(error.contains(part.trim()), "{name}: {error}");
        } else {
            let result = result.unwrap_or_else(|error| panic!("{name}: {error}"));
            if std::env::var_os("HARDEN_UPDATE_EXPECTED").is_some() {
                fs::write(case.join("after.yaml"), &result).unwrap();
            }
            let after = fs::read_to_string(case.join("after.yaml")).unwrap();
            assert!(result == after, "{name}:\n{}", difference(&after, &result));
            assert!(edited(&wanted, &after).unwrap() == after, "{name}: the second edit changes the file");
        }
        count += 1;
    }
    assert!(count > 10);
}

fn difference(wanted: &str, got: &str) -> String {
    similar::TextDiff::from_lines(wanted, got).unified_diff().header("wanted", "got").to_string()
}

#[test]
fn a_manifest_is_read() {
    let text = include_str!("kubeadm-1.35/kube-apiserver.yaml");
    let command = manifest::command(text, "kube-apiserver").unwrap();
    assert_eq!((command.len(), command[1].as_str()), (28, "--advertise-address=10.77.0.11"));
    assert_eq!(manifest::version(text, "kube-apiserver").unwrap().as_deref(), Some("v1.35.4"));
    assert_eq!(manifest::flag(text, "kube-apiserver", "secure-port").unwrap().as_deref(), Some("6443"));
    let probe = manifest::probe(text, "kube-apiserver").unwrap().unwrap();
    assert_eq!(
        (probe.tls, probe.host.as_str(), probe.to_string().as_str()),
        (true, "10.77.0.11", ":6443/readyz")
    );
    let image = |image: &str| {
        let text = format!("spec: {{containers: [{{name: x, image: '{image}'}}]}}");
        manifest::version(&text, "x").unwrap()
    };
    assert_eq!(image("host:5000/etcd"), None);
    assert_eq!(image("host:5000/etcd:3.6.6-0@sha256:00").as_deref(), Some("3.6.6-0"));
}
