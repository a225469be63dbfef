//! Users and groups in the reply, and whose name a number is: a directory tree has its own list, and the machine that
//! looks at it another one.

use super::ObserveError;
use super::lines::Lines;
use super::wish::Wishes;
use crate::remote::Reply;
use crate::resource::UserState;
use std::collections::BTreeMap;

/// Every user that was asked for; `None` where there is no list of users.
pub(super) fn users(
    reply: &Reply,
    wishes: &Wishes,
) -> Result<BTreeMap<String, Option<UserState>>, ObserveError> {
    let lines = Lines::of(reply, "users")?;
    let mut found = BTreeMap::new();
    for (number, line) in lines.numbered() {
        let malformed = || lines.malformed(number, "NAME USER GROUP [FREE]", line);
        let mut words = line.split(' ');
        let (Some(name), Some(user), Some(group), free, None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed());
        };
        let id = |word: &str| match word {
            "-" => Ok(None),
            number => number.parse().map(Some).map_err(|_| malformed()),
        };
        let free = free.map_or(Ok(None), id)?;
        found.insert(name, UserState { user: id(user)?, group: id(group)?, free });
    }
    Ok(wishes.users.iter().map(|name| (name.clone(), found.get(name.as_str()).copied())).collect())
}

/// The names that a directory tree gives to the users that were asked for.
#[derive(Debug, Default)]
pub(super) struct TreeNames {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl TreeNames {
    pub(super) fn of(users: &BTreeMap<String, Option<UserState>>) -> Self {
        let pick = |id: fn(&UserState) -> Option<u32>| {
            let known =
                users.iter().filter_map(|(name, state)| Some((name.clone(), state.as_ref().and_then(id)?)));
            known.collect()
        };
        Self { users: pick(|state| state.user), groups: pick(|state| state.group) }
    }

    /// The name of a user's number; `said` is what this machine calls it.
    pub(super) fn user(&self, number: u32, said: String) -> String {
        name(&self.users, number, said)
    }

    /// The name of a group's number; `said` is what this machine calls it.
    pub(super) fn group(&self, number: &str, said: String) -> String {
        number.parse().map_or(said.clone(), |number| name(&self.groups, number, said))
    }
}

fn name(known: &BTreeMap<String, u32>, number: u32, said: String) -> String {
    match known.iter().find(|(_, other)| **other == number) {
        Some((name, _)) => name.clone(),
        // The name is another number's in the tree.
        None if known.contains_key(&said) => number.to_string(),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_names_of_its_own() {
        let etcd = Some(UserState { user: Some(999), ..UserState::default() });
        let names = TreeNames::of(&BTreeMap::from([(String::from("etcd"), etcd)]));
        assert_eq!(names.user(999, String::from("systemd-network")), "etcd");
        assert_eq!(names.user(105, String::from("etcd")), "105");
        assert_eq!(names.user(0, String::from("root")), "root");
        assert_eq!(names.group("999", String::from("systemd-network")), "systemd-network");
    }
}
