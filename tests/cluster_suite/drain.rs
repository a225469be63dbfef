//! A worker whose pods are evicted before its kubelet restarts, as their budget allows; and one whose pods no budget lets go, which
//! is left as it was.

use super::{Harden, faults::Site};
use crate::support::lab::Lab;

/// Pods that tolerate the control planes, so that they have somewhere to go, and that begin on the worker.
const WORKLOAD: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65535, seccompProfile: {type: RuntimeDefault}}
      tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [w-1]}]}
      terminationGracePeriodSeconds: 2
      containers:
        - name: dns
          image: IMAGE
          imagePullPolicy: IfNotPresent
          command: ["/coredns", "-dns.port=5353", "-conf", "/dev/null"]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop, namespace: default}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: shop}}
"#;

const KUBELET: &str = "sha256sum </var/lib/kubelet/config.yaml";

fn inventory(deadline: &str, pids: u32) -> String {
    format!(
        "[apply.drain]\nworker = true\ndeadline = \"{deadline}\"\n\n[kubelet.config]\npodPidsLimit = {pids}"
    )
}

/// The cluster's settings for new pods: `true` where the node is cordoned, and harden's mark.
fn cordon(lab: &Lab) -> String {
    let path = r"jsonpath={.spec.unschedulable}{.metadata.annotations.harden/cordoned-by}";
    lab.kubectl(&["get", "node", "w-1", "-o", path]).trim().to_owned()
}

fn pods_on_worker(lab: &Lab) -> usize {
    let selector = ["-l", "app=shop", "--field-selector", "spec.nodeName=w-1"];
    let pods = lab.kubectl(&[&["get", "pods", "--no-headers"][..], &selector].concat());
    pods.lines().filter(|line| line.contains("Running")).count()
}

pub(super) fn respects_budgets(lab: &Lab, harden: &mut Harden<'_>) {
    let coredns = ["-n", "kube-system", "get", "deployment", "coredns", "-o"];
    let image = "jsonpath={.spec.template.spec.containers[0].image}";
    let image = lab.kubectl(&[&coredns[..], &[image]].concat());
    let quoted = harden::remote::quote(&WORKLOAD.replace("IMAGE", image.trim()));
    let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
    lab.output("cp-1", &format!("printf %s {quoted} | {kubectl} apply -f -"));
    lab.kubectl(&["rollout", "status", "deployment/shop", "--timeout=120s"]);
    assert!(pods_on_worker(lab) > 0, "no pod began on the worker: nothing would be proven");

    a_worker_is_drained_changed_and_takes_pods_again(lab, harden);
    // They may be anywhere now.
    lab.kubectl(&["rollout", "restart", "deployment/shop"]);
    lab.kubectl(&["rollout", "status", "deployment/shop", "--timeout=120s"]);
    assert!(pods_on_worker(lab) > 0, "no pod came back to the worker");
    a_budget_that_never_allows_it_leaves_the_node_alone(lab, harden);

    lab.kubectl(&["delete", "deployment,pdb", "shop", "--wait=true"]);
    harden.expect(0, &["apply", "--yes", "--limit", "w-1"]);
    harden.expect(0, &["drift"]);
}

fn a_worker_is_drained_changed_and_takes_pods_again(lab: &Lab, harden: &mut Harden<'_>) {
    let (site, old) = (Site::new(lab, &inventory("3m", 4094)), lab.output("w-1", KUBELET));
    let inventory = site.inventory();
    let inventory = inventory.to_str().unwrap();
    let plan = harden.expect(0, &["-i", inventory, "plan", "--limit", "w-1"]);
    assert!(plan.stdout.contains("w-1: ") && plan.stdout.contains("[drained first]"), "{}", plan.stdout);
    assert!(plan.stdout.contains("w-1 is the only worker"), "{}", plan.stdout);
    let apply = harden.expect(0, &["-i", inventory, "apply", "--yes", "--limit", "w-1"]);
    println!("{}", apply.stderr);
    assert!(
        apply.stderr.contains("cordon and drain") && apply.stderr.contains("evict pods: "),
        "{}",
        apply.stderr
    );
    assert_ne!(lab.output("w-1", KUBELET), old);
    assert_eq!(cordon(lab), "", "it takes pods again, and no mark is left");
    lab.kubectl(&["rollout", "status", "deployment/shop", "--timeout=60s"]);
    let left = lab.kubectl(&["get", "pods", "-A", "--field-selector", "spec.nodeName=w-1", "--no-headers"]);
    assert!(left.contains("kube-proxy"), "a DaemonSet's pod was evicted: {left}");
}

fn a_budget_that_never_allows_it_leaves_the_node_alone(lab: &Lab, harden: &mut Harden<'_>) {
    lab.kubectl(&["patch", "pdb", "shop", "--type=merge", "-p", r#"{"spec":{"minAvailable":"100%"}}"#]);
    let (site, old) = (Site::new(lab, &inventory("20s", 4093)), lab.output("w-1", KUBELET));
    let before = lab.output("w-1", "ls /var/lib/harden/txn");
    let inventory = site.inventory();
    let call = harden.call(&["-i", inventory.to_str().unwrap(), "apply", "--yes", "--limit", "w-1"]);
    println!("{}", call.stderr);
    assert_eq!(call.code, 1, "{}", call.stderr);
    assert!(call.stderr.contains("the PodDisruptionBudget default/shop"), "{}", call.stderr);
    assert!(call.stderr.contains("w-1 was not changed"), "{}", call.stderr);
    assert_eq!(lab.output("w-1", KUBELET), old);
    assert_eq!(lab.output("w-1", "ls /var/lib/harden/txn"), before, "a transaction was begun");
    assert_eq!(cordon(lab), "");
    assert!(pods_on_worker(lab) > 0);
}
