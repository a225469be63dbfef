//! What kubeadm writes into its manifests by itself, as data. A wanted flag or mount that is among it need not stand in
//! ClusterConfiguration: there it would only be one more thing to keep in step with kubeadm. Source:
//! kubernetes `cmd/kubeadm/app/phases/controlplane/{manifests,volumes}.go` and `cmd/kubeadm/app/phases/etcd/local.go`.

/// Component, flag, value.
const FLAGS: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "allow-privileged", "true"),
    ("kube-apiserver", "authorization-mode", "Node,RBAC"),
    ("kube-apiserver", "client-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-apiserver", "enable-admission-plugins", "NodeRestriction"),
    ("kube-apiserver", "enable-bootstrap-token-auth", "true"),
    ("kube-apiserver", "etcd-cafile", "/etc/kubernetes/pki/etcd/ca.crt"),
    ("kube-apiserver", "etcd-certfile", "/etc/kubernetes/pki/apiserver-etcd-client.crt"),
    ("kube-apiserver", "etcd-keyfile", "/etc/kubernetes/pki/apiserver-etcd-client.key"),
    ("kube-apiserver", "kubelet-client-certificate", "/etc/kubernetes/pki/apiserver-kubelet-client.crt"),
    ("kube-apiserver", "kubelet-client-key", "/etc/kubernetes/pki/apiserver-kubelet-client.key"),
    ("kube-apiserver", "proxy-client-cert-file", "/etc/kubernetes/pki/front-proxy-client.crt"),
    ("kube-apiserver", "proxy-client-key-file", "/etc/kubernetes/pki/front-proxy-client.key"),
    ("kube-apiserver", "requestheader-client-ca-file", "/etc/kubernetes/pki/front-proxy-ca.crt"),
    ("kube-apiserver", "service-account-key-file", "/etc/kubernetes/pki/sa.pub"),
    ("kube-apiserver", "service-account-signing-key-file", "/etc/kubernetes/pki/sa.key"),
    ("kube-apiserver", "tls-cert-file", "/etc/kubernetes/pki/apiserver.crt"),
    ("kube-apiserver", "tls-private-key-file", "/etc/kubernetes/pki/apiserver.key"),
    ("kube-controller-manager", "bind-address", "127.0.0.1"),
    ("kube-controller-manager", "client-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-controller-manager", "cluster-signing-cert-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-controller-manager", "cluster-signing-key-file", "/etc/kubernetes/pki/ca.key"),
    ("kube-controller-manager", "leader-elect", "true"),
    ("kube-controller-manager", "root-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-controller-manager", "service-account-private-key-file", "/etc/kubernetes/pki/sa.key"),
    ("kube-controller-manager", "use-service-account-credentials", "true"),
    ("kube-scheduler", "bind-address", "127.0.0.1"),
    ("kube-scheduler", "leader-elect", "true"),
    ("etcd", "cert-file", "/etc/kubernetes/pki/etcd/server.crt"),
    ("etcd", "client-cert-auth", "true"),
    ("etcd", "data-dir", "/var/lib/etcd"),
    ("etcd", "key-file", "/etc/kubernetes/pki/etcd/server.key"),
    ("etcd", "peer-cert-file", "/etc/kubernetes/pki/etcd/peer.crt"),
    ("etcd", "peer-client-cert-auth", "true"),
    ("etcd", "peer-key-file", "/etc/kubernetes/pki/etcd/peer.key"),
    ("etcd", "peer-trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
    ("etcd", "trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
];

/// Host paths that kubeadm mounts at the same path.
const MOUNTS: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/pki",
    "/etc/kubernetes/pki/etcd",
    "/etc/kubernetes/scheduler.conf",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/var/lib/etcd",
];

/// Keys of the kubelet's configuration that name files which a node that joins does not have yet: with them in
/// kubelet-config its kubelet would not start, and the join would fail. Until it has them, the API may give it a certificate.
pub(super) const NODE_LOCAL_KUBELET_KEYS: &[&str] =
    &["serverTLSBootstrap", "tlsCertFile", "tlsPrivateKeyFile"];

/// The flags that kubeadm writes by itself for a component, and their values.
pub(super) fn flags(component: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FLAGS.iter().filter(move |(other, ..)| *other == component).map(|(_, flag, value)| (*flag, *value))
}

/// Whether kubeadm writes this flag with this value by itself.
pub(super) fn is_default_flag(component: &str, name: &str, value: &str) -> bool {
    FLAGS.contains(&(component, name, value))
}

/// Whether kubeadm writes this flag by itself, with whatever value.
pub(super) fn is_written(component: &str, name: &str) -> bool {
    FLAGS.iter().any(|(other, flag, _)| *other == component && *flag == name)
}

/// Whether kubeadm mounts this path by itself.
pub(super) fn is_default_mount(path: &str) -> bool {
    MOUNTS.contains(&path)
}
