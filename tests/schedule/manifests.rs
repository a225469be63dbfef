//! What `harden schedule cronjob` renders, as Kubernetes reads it.

use super::{NASTY, SMALL, TEMPLATE, printed, printed_nasty};
use clap::Parser as _;
use harden::cli::{Cli, Verb};
use harden::inventory::{Minor, PodSecurityLevel};
use harden::plan::pod_security::violations;
use harden::resource::Pod;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PLAIN: &[&str] = &["cronjob", "--image", "r.example/harden:1"];
const WHOLE: &[&str] = &["cronjob", "--image", "r.example/harden:1", "--claim", "reports", "--shards", "3"];

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

/// Read as the type of the API and written again nothing is missing: there is no field that the API does not know.
fn is_known<T: DeserializeOwned + Serialize>(document: &Value) {
    let read: T = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), document);
}

#[test]
fn every_field_is_one_of_the_api() {
    for yaml in [printed(SMALL, PLAIN), printed(SMALL, WHOLE), printed_nasty(WHOLE)] {
        for document in documents(&yaml) {
            match document["kind"].as_str().unwrap() {
                "Namespace" => is_known::<Namespace>(&document),
                "ServiceAccount" => is_known::<ServiceAccount>(&document),
                "ConfigMap" => is_known::<ConfigMap>(&document),
                "NetworkPolicy" => is_known::<NetworkPolicy>(&document),
                "CronJob" => is_known::<CronJob>(&document),
                "Deployment" => is_known::<Deployment>(&document),
                "Service" => is_known::<Service>(&document),
                other => panic!("what is a {other}?"),
            }
        }
    }
}

#[test]
fn the_check_of_fields_can_fail() {
    let misspelt = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "lables": {}}});
    assert!(std::panic::catch_unwind(|| is_known::<Namespace>(&misspelt)).is_err());
}

#[test]
fn drift_is_told_at_once_and_what_could_not_be_read_is_tried_again() {
    for cron_job in of_kind(&documents(&printed(SMALL, WHOLE)), "CronJob") {
        let job = &cron_job["spec"]["jobTemplate"]["spec"];
        assert_eq!(
            job["podFailurePolicy"],
            json!({"rules": [
                {"action": "FailJob", "onExitCodes": {"containerName": "harden", "operator": "In", "values": [2, 3]}},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]})
        );
        // Without it the API refuses the policy.
        assert_eq!(job["template"]["spec"]["restartPolicy"], "Never");
        assert_eq!(job["template"]["spec"]["containers"][0]["name"], "harden");
        assert_eq!(cron_job["spec"]["concurrencyPolicy"], "Forbid");
        assert!(job["activeDeadlineSeconds"].as_u64().unwrap() > 600);
    }
}

#[test]
fn its_pods_pass_the_strictest_pod_security_standard() {
    let all = documents(&printed(SMALL, WHOLE));
    assert_eq!(
        of_kind(&all, "Namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
    let jobs =
        of_kind(&all, "CronJob").into_iter().map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]);
    let templates: Vec<&Value> =
        jobs.chain(of_kind(&all, "Deployment").into_iter().map(|one| &one["spec"]["template"])).collect();
    assert_eq!(templates.len(), 4);
    for template in templates {
        let spec = &template["spec"];
        let mut pod = template.clone();
        pod["metadata"]["name"] = "x".into();
        pod["metadata"]["namespace"] = "harden".into();
        let read: Pod = serde_json::from_value(pod.clone()).unwrap();
        for minor in [Minor::OLDEST, Minor::NEWEST] {
            assert_eq!(violations(&read, PodSecurityLevel::Restricted, minor), Vec::<&str>::new());
        }
        // The same check sees a pod that does not.
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
        let read: Pod = serde_json::from_value(pod).unwrap();
        assert!(!violations(&read, PodSecurityLevel::Restricted, Minor::NEWEST).is_empty());

        assert_eq!(spec["automountServiceAccountToken"], false);
        for container in spec["containers"].as_array().unwrap() {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
            assert!(container["resources"]["limits"]["memory"].is_string());
        }
    }
}

#[test]
fn no_secret_is_in_it() {
    let yaml = printed_nasty(WHOLE);
    let all = documents(&yaml);
    assert!(of_kind(&all, "Secret").is_empty());
    assert!(!yaml.contains("SEALED") && !yaml.contains("PRIVATE KEY"));
    let keys: Vec<&String> = of_kind(&all, "ConfigMap")[0]["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["harden.toml", "secrets.index.toml", "templates.site.motd___more.tera"]);
}

#[test]
fn the_files_arrive_as_they_were() {
    let all = documents(&printed_nasty(PLAIN));
    let data = &of_kind(&all, "ConfigMap")[0]["data"];
    assert_eq!(data["harden.toml"], NASTY);
    assert_eq!(data["templates.site.motd___more.tera"], TEMPLATE);
    let pod = &of_kind(&all, "CronJob")[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(
        pod["volumes"][0]["configMap"]["items"],
        json!([
            {"key": "harden.toml", "path": "harden.toml"},
            {"key": "secrets.index.toml", "path": "secrets/index.toml"},
            {"key": "templates.site.motd___more.tera", "path": "templates/site/motd & more.tera"},
        ])
    );
}

#[test]
fn pods_reach_the_first_hosts_on_the_way_and_nothing_else() {
    let all = documents(&printed_nasty(PLAIN));
    let policy = &of_kind(&all, "NetworkPolicy")[0]["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(policy.get("ingress").is_none());
    let ssh = &policy["egress"].as_array().unwrap()[1..];
    assert_eq!(
        ssh,
        [
            json!({"to": [{"ipBlock": {"cidr": "198.51.100.23/32"}}], "ports": [{"protocol": "TCP", "port": 22}]}),
            // w-2.example.com
            json!({"ports": [{"protocol": "TCP", "port": 22}]}),
            json!({"to": [{"ipBlock": {"cidr": "2001:db8::5/128"}}], "ports": [{"protocol": "TCP", "port": 2222}]}),
        ]
    );
}

#[test]
fn each_part_of_an_inventory_is_a_job_of_its_own() {
    let all = documents(&printed(SMALL, WHOLE));
    let arguments: Vec<String> = of_kind(&all, "CronJob")
        .iter()
        .map(|job| {
            let list = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
            let words = list.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
            let own = words
                .filter(|word| word.contains("shard") || word.contains("prom"))
                .collect::<Vec<_>>()
                .join(" ");
            format!("{} {own}", job["metadata"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        arguments,
        [
            "harden-drift-1 --shard=1/3 --report=prom=/reports/harden-prod-1.prom",
            "harden-drift-2 --shard=2/3 --report=prom=/reports/harden-prod-2.prom",
            "harden-drift-3 --shard=3/3 --report=prom=/reports/harden-prod-3.prom",
        ]
    );
}

#[test]
fn harden_takes_the_arguments_that_jobs_give_it() {
    for every in ["1m", "15m", "1d"] {
        let all = documents(&printed(SMALL, &[WHOLE, &["--every", every]].concat()));
        let pod = &of_kind(&all, "CronJob")[2]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let words = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let cli = Cli::try_parse_from(["harden"].into_iter().chain(words)).unwrap();
        let Verb::Drift(drift) = cli.verb else { panic!("it is another verb") };
        assert!(drift.deadline.is_some() && drift.jitter.is_some() && drift.shard.is_some());
    }
}

#[test]
fn what_does_not_fit_into_a_config_map_is_refused() {
    let folder = super::folder("harden.toml", &format!("{SMALL}{}", "# filling\n".repeat(110_000)));
    let ended = super::schedule(folder.path(), "harden.toml", PLAIN);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("a ConfigMap takes 1048576"), "{}", ended.stderr);
}
