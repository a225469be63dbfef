//! From the reply of the script to facts: a pure function on what may come from a broken or hostile host. What cannot be read is
//! not known; it never panics.

use super::facts::{
    Answer, Cgroup, Disk, HostFacts, Images, Listener, Lookup, Module, Programs, Runtime, System,
};
use super::{DoctorError, Version};
use crate::remote::Reply;
use crate::resource::{images_of_crictl, normal_image};
use openssl::x509::X509;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

/// What a host answered.
pub fn parse(reply: &Reply) -> Result<HostFacts, DoctorError> {
    if reply.code != 0 {
        return Err(DoctorError::Failed { code: reply.code, message: reply.last_words() });
    }
    let text = |section: &str| reply.section(section).text();
    let (system, kernel, programs) = (text("system"), text("kernel"), text("programs"));
    let first = |text: &str, word: &str| words(text, word).next().map(str::to_owned);
    Ok(HostFacts {
        live: first(&system, "live").as_deref() == Some("1"),
        clock: first(&system, "clock").and_then(|clock| clock.parse().ok()).unwrap_or_default(),
        user: first(&system, "user").and_then(|user| user.parse().ok()),
        system: parse_system(&system),
        cgroup: match first(&kernel, "cgroup").as_deref() {
            Some("v1") => Some(Cgroup::V1),
            Some("v2") => Some(Cgroup::V2),
            _ => None,
        },
        swaps: first(&kernel, "swaps").map(|_| words(&kernel, "swap").map(str::to_owned).collect()),
        sysctls: pairs(&kernel, "sysctl"),
        modules: modules(&kernel),
        listeners: listeners(&text("ports")),
        programs: Programs {
            kubelet: first(&programs, "kubelet").map(|said| answer(&said)),
            kubeadm: first(&programs, "kubeadm").map(|said| answer(&said)),
            etcd: first(&programs, "etcd").map(|said| answer(&said)),
        },
        runtime: Runtime {
            socket: first(&programs, "socket").is_some(),
            name: first(&programs, "runtime"),
            version: first(&programs, "version").and_then(|version| Version::find(&version)),
            silent: first(&programs, "silent"),
        },
        images: images(&text("needed"), &text("present")),
        disks: disks(&text("disk")),
        names: names(&text("names")),
        left: words(&text("standing"), "left").map(str::to_owned).collect(),
        // It takes a connection from there, which no script makes.
        claimed: None,
        ca_sha256: fingerprint(&text("standing")),
    })
}

/// What follows a word, on each line that begins with it.
fn words<'a>(text: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("{word} ");
    text.lines().filter_map(move |line| line.strip_prefix(&begin)).map(str::trim)
}

fn pairs(text: &str, word: &str) -> BTreeMap<String, String> {
    words(text, word)
        .filter_map(|rest| rest.split_once(' '))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn answer(said: &str) -> Answer {
    Version::find(said).map_or(Answer::Unclear, Answer::Version)
}

fn parse_system(text: &str) -> System {
    let first = |word: &str| words(text, word).next().filter(|value| !value.is_empty()).map(str::to_owned);
    let old = words(text, "address").filter_map(|address| address.parse::<IpAddr>().ok());
    let new = words(text, "address6")
        .filter_map(|digits| Some(IpAddr::V6(Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?))));
    System {
        hostname: first("hostname").unwrap_or_default(),
        machine_id: first("machine-id").unwrap_or_default(),
        os: first("os").map(|os| os.trim_matches(['"', '\'']).to_owned()),
        machine: first("machine"),
        kernel: first("kernel"),
        init: first("init"),
        cpus: first("cpus").and_then(|count| count.parse().ok()),
        memory: first("memory").and_then(|count| count.parse().ok()),
        addresses: old.chain(new).collect(),
    }
}

fn modules(text: &str) -> BTreeMap<String, Module> {
    let known = |state: &str| match state {
        "there" => Module::There,
        "loadable" => Module::Loadable,
        "absent" => Module::Absent,
        _ => Module::Unknown,
    };
    pairs(text, "module").into_iter().map(|(name, state)| (name, known(&state))).collect()
}

fn listeners(text: &str) -> Option<BTreeSet<Listener>> {
    words(text, "ports").next()?;
    let listener = |rest: &str| {
        let (port, program) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Listener { port: u16::from_str_radix(port, 16).ok()?, program: program.to_owned() })
    };
    Some(words(text, "listener").filter_map(listener).collect())
}

fn images(needed: &str, present: &str) -> Images {
    let needed: BTreeSet<String> =
        needed.lines().filter(|line| line.contains('/') && !line.contains(' ')).map(str::to_owned).collect();
    let (tool, list) = present.split_once('\n').unwrap_or_default();
    let present = match tool {
        "crictl" => images_of_crictl(list),
        "ctr" => Some(list.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()),
        _ => None,
    };
    let normal = |names: BTreeSet<String>| names.iter().map(|name| normal_image(name)).collect();
    Images { needed: (!needed.is_empty()).then_some(needed), present: present.map(normal) }
}

/// Lines as `disk /var/lib/etcd 2049 4096 1000 5000`: device, size of a block, free blocks, all blocks.
fn disks(text: &str) -> BTreeMap<String, Disk> {
    let disk = |rest: &str| {
        let (directory, numbers) = rest.split_once(' ')?;
        let numbers: Vec<u64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [device, block, free, all] = numbers[..] else { return None };
        let disk = Disk { device, free: block.saturating_mul(free), size: block.saturating_mul(all) };
        Some((directory.to_owned(), disk))
    };
    words(text, "disk").filter_map(disk).collect()
}

fn names(text: &str) -> BTreeMap<String, Lookup> {
    let mut found = BTreeMap::new();
    for name in words(text, "unknown") {
        found.insert(name.to_owned(), Lookup::Unknown);
    }
    for name in words(text, "late") {
        found.insert(name.to_owned(), Lookup::Late);
    }
    for (name, address) in words(text, "name").filter_map(|rest| rest.split_once(' ')) {
        let entry = found.entry(name.to_owned()).or_insert_with(|| Lookup::Found(BTreeSet::new()));
        if let Lookup::Found(addresses) = entry {
            addresses.insert(address.to_owned());
        }
    }
    found
}

fn fingerprint(text: &str) -> Option<String> {
    let pem: String = words(text, "ca").fold(String::new(), |pem, line| pem + line + "\n");
    let der = X509::from_pem(pem.as_bytes()).ok()?.to_der().ok()?;
    Some(openssl::sha::sha256(&der).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::reply;

    #[test]
    fn a_script_that_failed_is_an_error() {
        let failed = Reply { code: 127, ..Reply::default() };
        assert!(parse(&failed).unwrap_err().to_string().contains("exit code 127"));
    }

    #[test]
    fn what_makes_no_sense_is_not_known() {
        let broken = reply([
            ("system", "clock x\nlive\nuser -1\naddress 1.2.3\naddress6 zz\ncpus many\nos \n"),
            ("kernel", "cgroup v3\nsysctl a\nmodule\nswap /dev/x\n"),
            ("ports", "listener 192B kubelet\n"),
            ("programs", "kubelet \nkubeadm what\nversion x\n"),
            ("needed", "no images here\n"),
            ("present", "crictl\n{\n"),
            ("disk", "disk /a 1 2\ndisk /b 1 2 3 x\ndisk\n"),
            ("names", "name\nname x\n"),
            ("standing", "ca -----BEGIN CERTIFICATE-----\nca no\n"),
        ]);
        let expected = HostFacts {
            programs: Programs { kubelet: Some(Answer::Unclear), kubeadm: Some(Answer::Unclear), etcd: None },
            ..HostFacts::default()
        };
        assert_eq!(parse(&broken).unwrap(), expected);
        assert_eq!(parse(&Reply::default()).unwrap(), HostFacts::default());
    }

    #[test]
    fn an_answer_is_read() {
        let facts = parse(&reply([
            ("system", "live 1\nclock 7\nuser 0\nos \"Debian GNU/Linux 13\"\naddress 10.0.0.1\naddress6 20010db8000000000000000000000001\n"),
            ("kernel", "swaps known\nswap /dev/sda2\nsysctl net.ipv4.ip_forward 1\nmodule overlay there\n"),
            ("ports", "ports known\nlistener 192B kube-apiserver\nlistener 280A \n"),
            ("present", "ctr\nnginx\n"),
            ("disk", "disk /var/lib/etcd 9 4096 10 20\n"),
            ("names", "name a 10.0.0.1\nname a 10.0.0.2\nlate b\nunknown c\n"),
        ]))
        .unwrap();
        assert_eq!(facts.system.os.as_deref(), Some("Debian GNU/Linux 13"));
        assert_eq!(facts.system.addresses.len(), 2);
        assert_eq!(facts.swaps, Some(vec![String::from("/dev/sda2")]));
        let ports: Vec<_> = facts.listeners.iter().flatten().map(|listener| listener.port).collect();
        assert_eq!(ports, [6443, 10250]);
        assert_eq!(facts.disks["/var/lib/etcd"], Disk { device: 9, free: 40960, size: 81920 });
        assert!(facts.images.present.unwrap().contains("docker.io/library/nginx:latest"));
        assert_eq!(facts.names["b"], Lookup::Late);
        assert!(matches!(&facts.names["a"], Lookup::Found(addresses) if addresses.len() == 2));
    }
}
