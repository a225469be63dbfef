//! What users of the cluster do, once it is hardened: it must work as before, or be refused on purpose.

use super::wait_for;
use crate::support::lab::{self, Lab};

/// A Deployment that satisfies the restricted level, from the one image that the lab's hosts hold and that needs no
/// rights: it only waits.
const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65535, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: dns
          image: IMAGE
          imagePullPolicy: IfNotPresent
          command: ["/coredns", "-dns.port=5353", "-conf", "/dev/null"]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  selector: {app: web}
  ports: [{port: 5353, protocol: TCP}]
"#;

/// Runs kubectl with a document on standard input.
fn apply(lab: &Lab, document: &str) -> std::process::Output {
    let quoted = harden::remote::quote(document);
    lab.ssh(
        "cp-1",
        &format!("printf %s {quoted} | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -"),
    )
}

fn code_of(lab: &Lab, url: &str) -> String {
    lab.output("cp-1", &format!("curl -ks -o /dev/null -w '%{{http_code}}' {url}"))
}

/// Logs, exec, port-forward, a rollout, a Service and DNS.
pub(super) fn work(lab: &Lab) {
    let image = lab.kubectl(&[
        "-n",
        "kube-system",
        "get",
        "deployment",
        "coredns",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].image}",
    ]);
    let output = apply(lab, &DEPLOYMENT.replace("IMAGE", image.trim()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
    lab.kubectl(&["rollout", "restart", "deployment/web"]);
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
    logs_come_from_every_node(lab);
    exec_and_port_forward(lab);
    let service = lab.kubectl(&["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    for node in lab.names() {
        // bash's /dev/tcp opens a connection through kube-proxy's rules on that node.
        lab.output(node, &format!("timeout 10 bash -c '</dev/tcp/{}/5353'", service.trim()));
    }
    let dns =
        lab.kubectl(&["-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}"]);
    for node in lab.names() {
        lab.output(node, &format!("timeout 10 bash -c '</dev/tcp/{}/53'", dns.trim()));
    }
    lab.kubectl(&["delete", "deployment,service", "web", "--wait=false"]);
}

fn logs_come_from_every_node(lab: &Lab) {
    for node in lab.names() {
        let pod = lab.kubectl(&[
            "-n",
            "kube-system",
            "get",
            "pods",
            "-l",
            "k8s-app=kube-proxy",
            "--field-selector",
            &format!("spec.nodeName={node}"),
            "-o",
            "jsonpath={.items[0].metadata.name}",
        ]);
        let logs = lab.kubectl(&["-n", "kube-system", "logs", "--tail=5", pod.trim()]);
        assert!(!logs.is_empty(), "no logs of {pod} on {node}");
    }
}

fn exec_and_port_forward(lab: &Lab) {
    let said = lab.kubectl(&["-n", "kube-system", "exec", "etcd-cp-1", "--", "etcd", "--version"]);
    assert!(said.contains("etcd Version"), "{said}");
    // The API server connects to the kubelet of another node.
    let said = lab.kubectl(&["-n", "kube-system", "exec", "etcd-cp-2", "--", "etcd", "--version"]);
    assert!(said.contains("etcd Version"), "{said}");
    let forwarded = lab.output(
        "cp-1",
        "kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system port-forward pod/etcd-cp-2 19381:2381 >/dev/null 2>&1 & \
         forward=$!; for attempt in 1 2 3 4 5 6 7 8 9 10; do sleep 1; curl -fs http://127.0.0.1:19381/health && break; done; kill $forward",
    );
    assert!(forwarded.contains("true"), "{forwarded}");
}

/// What anonymous callers may still read, and what the admission controllers refuse.
pub(super) fn are_refused(lab: &Lab) {
    for (path, code) in [
        ("/readyz", "200"),
        ("/livez", "200"),
        ("/api", "401"),
        ("/api/v1/namespaces/kube-public/configmaps/cluster-info", "200"),
        ("/version", "401"),
    ] {
        assert_eq!(code_of(lab, &format!("https://127.0.0.1:6443{path}")), code, "anonymous {path}");
    }
    let privileged = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad, namespace: default}\nspec:\n  containers:\n  \
                      - {name: bad, image: x, securityContext: {privileged: true}}\n";
    let output = apply(lab, privileged);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("violates PodSecurity"), "{said}");
    let external = "apiVersion: v1\nkind: Service\nmetadata: {name: bad, namespace: default}\nspec:\n  \
                    externalIPs: [192.0.2.1]\n  ports: [{port: 80}]\n";
    let output = apply(lab, external);
    assert!(!output.status.success(), "a Service with externalIPs was accepted");
    // The metrics of the API server are for those who may.
    assert!(lab.kubectl(&["get", "--raw", "/metrics"]).contains("apiserver_request_total"));
}

/// One more worker joins by a bootstrap token, as `kubeadm token create` makes it.
pub(super) fn joins(lab: &Lab) {
    let name = "w-2";
    let address = lab.address("w-1").rsplit_once('.').map(|(network, _)| format!("{network}.22")).unwrap();
    lab::tool(&["up", name, &address]);
    lab::tool(&["join", name]);
    wait_for("the new worker's Ready", 90, || {
        lab.kubectl(&["get", "node", name, "--no-headers"]).contains(" Ready")
    });
    lab.kubectl(&["delete", "node", name]);
    lab::tool(&["down", name]);
}
