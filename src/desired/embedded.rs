//! The templates that are part of the program, by their path below `templates/`. A test compares this list with the folder.

macro_rules! embed {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path)))),*]
    };
}

/// Path below `templates/` and text.
pub(super) const EMBEDDED: &[(&str, &str)] = embed![
    "etcd/apiserver-etcd-client.tera",
    "etcd/healthcheck-client.tera",
    "etcd/manifest.tera",
    "etcd/peer.tera",
    "etcd/run-as-user.tera",
    "etcd/server.tera",
    "etcd/tls.tera",
    "etcd/user-peer.tera",
    "etcd/user-server.tera",
    "etcd/user.tera",
    "files/admin-kubeconfigs.tera",
    "files/controller-manager-kubeconfig.tera",
    "files/etcd-certificates.tera",
    "files/etcd-data.tera",
    "files/etcd-keys.tera",
    "files/etcd-pki-directory.tera",
    "files/kubelet-drop-in-packaged.tera",
    "files/kubelet-drop-in.tera",
    "files/kubelet-kubeconfig.tera",
    "files/kubelet-unit-packaged.tera",
    "files/kubelet-unit.tera",
    "files/pki-certificates.tera",
    "files/pki-directory.tera",
    "files/pki-keys.tera",
    "files/pki-public-keys.tera",
    "files/scheduler-kubeconfig.tera",
    "files/super-admin-kubeconfig.tera",
    "host/auditd-kubelet.tera",
    "host/auditd.tera",
    "host/kubelet-service.tera",
    "host/network.tera",
    "host/sshd.tera",
    "kube-apiserver/admission-config-removed.tera",
    "kube-apiserver/admission-config.tera",
    "kube-apiserver/admission.tera",
    "kube-apiserver/always-pull-images-off.tera",
    "kube-apiserver/always-pull-images.tera",
    "kube-apiserver/audit-policy.tera",
    "kube-apiserver/audit.tera",
    "kube-apiserver/authentication-config-removed.tera",
    "kube-apiserver/authentication-config.tera",
    "kube-apiserver/authentication.tera",
    "kube-apiserver/authorization.tera",
    "kube-apiserver/encryption-config.tera",
    "kube-apiserver/encryption.tera",
    "kube-apiserver/etcd-client.tera",
    "kube-apiserver/event-rate-limit-off.tera",
    "kube-apiserver/event-rate-limit.tera",
    "kube-apiserver/kubelet-authority.tera",
    "kube-apiserver/kubelet-client.tera",
    "kube-apiserver/manifest.tera",
    "kube-apiserver/pod-security.tera",
    "kube-apiserver/profiling.tera",
    "kube-apiserver/service-account-tokens.tera",
    "kube-apiserver/shutdown.tera",
    "kube-apiserver/tls.tera",
    "kube-apiserver/token-file.tera",
    "kube-controller-manager/feature-gates.tera",
    "kube-controller-manager/flags.tera",
    "kube-controller-manager/manifest.tera",
    "kube-controller-manager/tls.tera",
    "kube-scheduler/flags.tera",
    "kube-scheduler/manifest.tera",
    "kube-scheduler/tls.tera",
    "kubelet/kernel-parameters.tera",
    "kubelet/kubelet.tera",
    "kubelet/serving.tera",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_template_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.sort();
        let embedded: Vec<&str> = EMBEDDED.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded, found);
    }
}
