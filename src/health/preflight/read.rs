//! From the reply of the script to facts: a pure function on what may come from a broken machine. What cannot be read is not known.

use super::{FileSystem, Images, NodeCertificate, NodeFacts, Touched};
use crate::error::Chain;
use crate::pki;
use crate::remote::Reply;
use crate::resource::images_of_crictl;
use base64::Engine as _;
use std::collections::{BTreeMap, BTreeSet};

/// What a node answered.
pub fn parse(reply: &Reply, touched: Option<&Touched>) -> NodeFacts {
    let text = |section: &str| reply.section(section).text();
    NodeFacts {
        file_systems: touched.map(|touched| file_systems(&text("disk"), touched)).unwrap_or_default(),
        images: reply.sections.contains_key("images").then(|| Images {
            named: named(&text("named")),
            pause: text("pause").lines().next().filter(|image| !image.is_empty()).map(str::to_owned),
            ..listed(&text("images"))
        }),
        certificates: certificates(&text("certificates")),
    }
}

/// A device's number a line, an empty line, a file system a line, both in the order of the directories.
fn file_systems(text: &str, touched: &Touched) -> BTreeMap<String, FileSystem> {
    let (devices, systems) = text.split_once("\n\n").unwrap_or_default();
    let (devices, systems): (Vec<&str>, Vec<&str>) = (devices.lines().collect(), systems.lines().collect());
    // One line less, and nobody knows whose.
    if devices.len() != touched.needs.len() || systems.len() != devices.len() {
        return BTreeMap::new();
    }
    let found = touched.needs.keys().zip(devices.into_iter().zip(systems));
    found
        .filter_map(|(directory, (device, system))| Some((directory.clone(), file_system(device, system)?)))
        .collect()
}

fn file_system(device: &str, numbers: &str) -> Option<FileSystem> {
    let numbers: Vec<u64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [block, free, inodes, free_inodes] = numbers[..] else { return None };
    Some(FileSystem {
        device: device.parse().ok()?,
        free: block.saturating_mul(free),
        // Some file systems make them as they are needed, and say 0 of 0.
        free_inodes: (inodes > 0).then_some(free_inodes),
    })
}

fn listed(text: &str) -> Images {
    let (tool, list) = text.split_once('\n').unwrap_or_default();
    let (tool, present) = match tool {
        "crictl" => ("crictl", images_of_crictl(list)),
        "ctr -n k8s.io images" => ("ctr -n k8s.io images", Some(list.lines().map(str::to_owned).collect())),
        _ => ("", None),
    };
    Images { present, tool, ..Images::default() }
}

/// Lines as `grep -H` prints them: `/etc/kubernetes/manifests/etcd.yaml:    image: registry.k8s.io/etcd:3.6.6-0`.
fn named(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let Some((place, image)) = line.split_once("image:") else { continue };
        let file = place.trim_end_matches([' ', '-']).trim_end_matches(':');
        let file = file.rsplit('/').next().unwrap_or_default();
        let component = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let image = image.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        if !image.is_empty() {
            named.entry(component.to_owned()).or_default().insert(image.to_owned());
        }
    }
    named
}

/// `file PATH` and the PEM below it, or `data PATH BASE64`.
fn certificates(text: &str) -> BTreeMap<String, NodeCertificate> {
    let mut pems: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut open: Option<&mut Vec<u8>> = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("file ") {
            open = Some(pems.entry(path.to_owned()).or_default());
        } else if let Some((path, data)) = line.strip_prefix("data ").and_then(|rest| rest.split_once(' ')) {
            let data = data.trim().trim_matches(['"', '\'']);
            let pem = base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default();
            pems.insert(path.to_owned(), pem);
            open = None;
        } else if let Some(pem) = &mut open {
            pem.extend_from_slice(line.as_bytes());
            pem.push(b'\n');
        }
    }
    let read = |pem: &[u8]| match pki::read(pem, None) {
        Ok(facts) => NodeCertificate::Until(facts.not_after),
        Err(error) => NodeCertificate::Unreadable(Chain(&error).to_string()),
    };
    pems.into_iter().map(|(path, pem)| (path, read(&pem))).collect()
}
