//! The compact forms stay small.

use harden::resource::Pod;

/// What a pod takes in memory, the heap included, as the sum of what its parts own.
fn weight(pod: &Pod) -> usize {
    let strings =
        |list: &[String]| list.iter().map(|text| size_of::<String>() + text.capacity()).sum::<usize>();
    let containers = pod.spec.every_container().map(|(_, container)| {
        size_of_val(container)
            + container.name.capacity()
            + container.image.capacity()
            + container.security_context.as_deref().map_or(0, size_of_val)
            + strings(&container.secret_keys)
            + strings(&container.whole_secrets)
            + container.host_ports.capacity() * size_of::<u16>()
    });
    let labels = pod.metadata.labels.iter().map(|(name, value)| 48 + name.capacity() + value.capacity());
    let owner = pod.metadata.owner.as_ref().map_or(0, |owner| owner.kind.capacity() + owner.name.capacity());
    let volumes = pod.spec.volumes.iter().map(|volume| {
        size_of_val(volume) + volume.kind.capacity() + volume.host_path.as_ref().map_or(0, String::capacity)
    });
    size_of::<Pod>()
        + containers.sum::<usize>()
        + labels.sum::<usize>()
        + owner
        + pod.metadata.name.capacity()
        + pod.metadata.namespace.capacity()
        + pod.spec.service_account_name.capacity()
        + pod.spec.security_context.as_deref().map_or(0, size_of_val)
        + volumes.sum::<usize>()
}

#[test]
fn ten_thousand_pods_take_a_few_megabytes() {
    let pods = super::collect(super::plain_objects()).pods;
    assert!(!pods.is_empty());
    for pod in &pods {
        let weight = weight(pod);
        assert!(weight < 2_000, "{} takes {weight} bytes", pod.metadata.name);
    }
}
