//! What users do with a cluster that was just made: pods on each worker, a Service, names, logs and exec; and a person with a
//! kubeconfig of her own.

use super::super::Harden;
use super::site::Site;
use crate::support::lab;
use std::process::{Command, Output};

/// A web server on each worker, as the restricted level wants it.
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: WORKERS
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65535, seccompProfile: {type: RuntimeDefault}}
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
      containers:
        - name: web
          image: localhost/lab/busybox:1
          imagePullPolicy: IfNotPresent
          command: [/bin/sh, -ec, "cd /pages; hostname >index.html; echo serves; exec httpd -f -p 8080"]
          volumeMounts: [{name: pages, mountPath: /pages}]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumes: [{name: pages, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"#;

pub(super) fn work(site: &Site, harden: &mut Harden<'_>) {
    let lab = site.lab();
    let web = WEB.replace("WORKERS", &site.nodes(Some("worker")).len().to_string());
    let web = harden::remote::quote(&web);
    let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
    lab.output("cp-1", &format!("printf %s {web} | {kubectl} apply -f -"));
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
    let list = r#"jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{"\n"}{end}"#;
    let pods = lab.kubectl(&["get", "pods", "-l", "app=web", "-o", list]);
    let pods: Vec<(&str, &str)> = pods.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut on: Vec<&str> = pods.iter().map(|(_, node)| *node).collect();
    on.sort_unstable();
    assert_eq!(on, site.nodes(Some("worker")), "{pods:?}");
    let names: Vec<&str> = pods.iter().map(|(pod, _)| *pod).collect();
    for pod in &names {
        assert_eq!(lab.kubectl(&["logs", pod]).trim(), "serves");
        // Not by wget: busybox's dies in an image that holds nothing but busybox.
        let get = r#"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 10 "$0" "$1" | tail -n 1"#;
        let answer = |host: &str, port: &str| {
            lab.kubectl(&["exec", pod, "--", "sh", "-c", get, host, port]).trim().to_owned()
        };
        // By its name, through the Service, and from pod to pod on the other host.
        let of_service = answer("web.default.svc.cluster.local", "80");
        assert!(names.contains(&of_service.as_str()), "{of_service}");
        for other in &names {
            let address = lab.kubectl(&["get", "pod", other, "-o", "jsonpath={.status.podIP}"]);
            assert_eq!(answer(address.trim(), "8080"), *other);
        }
    }
    a_person_reads_and_does_not_write(site, harden);
    lab.kubectl(&["delete", "deployment,service", "web", "--wait=false"]);
}

/// From this machine, through the load balancer.
fn a_person_reads_and_does_not_write(site: &Site, harden: &mut Harden<'_>) {
    let file = site.folder().join("alice.kubeconfig");
    let file = file.to_str().unwrap();
    harden.expect(0, &["kubeconfig", "--user", "alice", "--group", "readers", "--ttl", "1h", file]);
    site.lab().kubectl(&["create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers"]);
    let kubectl = format!("{}/kubectl", lab::tool(&["programs"]).trim());
    let ask = |arguments: &[&str]| -> Output {
        Command::new(&kubectl).args(["--kubeconfig", file]).args(arguments).output().unwrap()
    };
    let who =
        ask(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}"]);
    let who = String::from_utf8_lossy(&who.stdout).into_owned();
    assert!(who.starts_with("alice ") && who.contains("readers") && !who.contains("masters"), "{who}");
    super::super::wait_for("the rule's effect", 20, || ask(&["get", "pods"]).status.success());
    let refused = ask(&["delete", "pods", "--all"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("orbidden"), "{refused:?}");
    let server = ask(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    assert_eq!(String::from_utf8_lossy(&server.stdout), format!("https://{}", endpoint(site)));
}

fn endpoint(site: &Site) -> String {
    let text = std::fs::read_to_string(site.lab().inventory()).unwrap();
    let inventory: toml::Table = text.parse().unwrap();
    inventory["cluster"]["endpoint"].as_str().unwrap().to_owned()
}
