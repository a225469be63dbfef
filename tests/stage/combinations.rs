//! Every combination of three servers, and runs that are cut short.

use super::{CLEAN, NAMES, Server, ask, cluster, name};
use harden::desired::EncryptionPhase::{self, Read, Write};
use proptest::prelude::*;

fn every_server() -> Vec<Server> {
    let phases = [None, Some(Read), Some(Write)];
    let mut servers = vec![Server { reached: false, ..CLEAN }];
    for file in phases {
        for flag in [false, true] {
            for loaded in phases {
                servers.push(Server { reached: true, file, flag, loaded });
            }
        }
    }
    servers
}

/// Whether it is seen to have loaded the file on its disk.
fn proven(server: Server) -> bool {
    server.reached && server.flag && server.file.is_some() && server.loaded == server.file
}

fn uses(server: Server, phase: EncryptionPhase) -> bool {
    server.reached && server.flag && server.file == Some(phase)
}

#[test]
fn the_rules_hold_for_every_combination() {
    let every = every_server();
    let mut count = 0;
    for one in &every {
        for two in &every {
            for three in &every {
                let servers = [*one, *two, *three];
                for (plain, written) in [(0, 0), (5, 0), (5, 2), (0, 7)] {
                    let observed = cluster(&servers, plain, written);
                    let stage = ask(&servers, Some(&observed)).unwrap();
                    let title = stage.title.name.as_str();
                    let all_proven = servers.iter().all(|server| proven(*server));
                    let somebody_writes = written > 0 || servers.iter().any(|server| uses(*server, Write));
                    for (node, server) in NAMES.iter().zip(servers) {
                        let next = stage.encryption[&name(node)];
                        if uses(server, Write) {
                            assert_eq!(next, Write, "it goes back: {servers:?}");
                        }
                        if next == Write && !uses(server, Write) {
                            assert!(all_proven || somebody_writes, "it writes too early: {servers:?}");
                            assert!(all_proven || !uses(server, Read), "it does not wait: {servers:?}");
                        }
                    }
                    if matches!(title, "declared" | "encryption-rewrite") {
                        assert!(all_proven && servers.iter().all(|server| uses(*server, Write)));
                        assert_eq!(title == "declared", plain == 0);
                    }
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 19 * 19 * 19 * 4);
}

/// A cluster that changes as apply changes it, with Secrets being written by whoever writes.
struct Model {
    servers: [Server; 3],
    plain: usize,
    written: usize,
}

impl Model {
    /// A server takes a new config in: the flag's arrival restarts it, otherwise it reloads in its own time.
    fn apply(&mut self, index: usize, phase: EncryptionPhase) {
        let server = &mut self.servers[index];
        let restarts = !server.flag;
        *server = Server { file: Some(phase), flag: true, ..*server };
        if restarts {
            server.loaded = server.file;
        }
    }

    fn reload(&mut self, index: usize) {
        if self.servers[index].flag {
            self.servers[index].loaded = self.servers[index].file;
        }
    }

    /// Every server serves requests: those that write with the key do, and then everybody must be able to read.
    fn serve(&mut self) {
        let writes = self.servers.iter().filter(|server| server.loaded == Some(Write)).count();
        self.written += writes;
        self.plain += self.servers.len() - writes;
        if self.written > 0 {
            for server in self.servers {
                assert!(
                    server.loaded.is_some(),
                    "an API server meets a Secret that it cannot read: {:?}",
                    self.servers
                );
            }
        }
    }

    /// One run: the stage is asked for, and as many of its steps are done as `steps` allows. True when nothing is left.
    fn run(&mut self, steps: usize, order: [usize; 3]) -> bool {
        let observed = cluster(&self.servers, self.plain, self.written);
        let stage = ask(&self.servers, Some(&observed)).unwrap();
        let mut left = steps;
        for index in order {
            let phase = stage.encryption[&name(NAMES[index])];
            if self.servers[index].file == Some(phase) && self.servers[index].flag {
                continue;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            self.apply(index, phase);
            self.serve();
        }
        // The gates wait for every server.
        for index in order {
            if left == 0 {
                return false;
            }
            left -= 1;
            self.reload(index);
            self.serve();
        }
        if !stage.operations.is_empty() && left > 0 {
            self.written += self.plain;
            self.plain = 0;
        }
        stage.title.name == "declared"
    }
}

proptest! {
    #[test]
    fn no_server_ever_meets_a_secret_that_it_cannot_read(
        cuts in prop::collection::vec((0..8usize, Just([0, 1, 2]).prop_shuffle()), 0..12)
    ) {
        let mut model = Model { servers: [CLEAN; 3], plain: 3, written: 0 };
        for (steps, order) in cuts {
            model.run(steps, order);
        }
        // Whatever happened, five runs that are left alone finish.
        let runs: Vec<bool> = (0..5).map(|_| model.run(usize::MAX, [0, 1, 2])).collect();
        prop_assert!(runs[4], "{:?}", model.servers);
        prop_assert_eq!(model.plain, 0);
    }
}
