//! Which items of two lists belong together: what stays, what changes in place, what goes and what comes.

use serde_json::Value;

/// One step on the way from the old list to the new one, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The old item is the new one.
    Keep,
    /// The old item becomes the new one in its place.
    Change(usize, usize),
    /// The old item goes.
    Delete(usize),
    /// The new item comes.
    Insert(usize),
}

/// The steps from one list to another: a longest common subsequence, and between its parts items that speak of the
/// same thing.
pub(super) fn steps(old: &[Value], new: &[Value]) -> Vec<Step> {
    let mut table = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] =
                if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::new();
    let mut gap = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            between(old, new, gap.0..i, gap.1..j, &mut steps);
            steps.push(Step::Keep);
            (i, j) = (i + 1, j + 1);
            gap = (i, j);
        } else if table[i + 1][j] >= table[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    between(old, new, gap.0..old.len(), gap.1..new.len(), &mut steps);
    steps
}

/// The steps where nothing is the same.
fn between(
    old: &[Value],
    new: &[Value],
    mut gone: std::ops::Range<usize>,
    come: std::ops::Range<usize>,
    steps: &mut Vec<Step>,
) {
    for j in come {
        if let Some(i) = gone.clone().find(|i| same_thing(&old[*i], &new[j])) {
            steps.extend((gone.start..i).map(Step::Delete));
            steps.push(Step::Change(i, j));
            gone.start = i + 1;
        } else {
            steps.push(Step::Insert(j));
        }
    }
    steps.extend(gone.map(Step::Delete));
}

/// Whether two items speak of the same thing: the same flag, or objects of the same name.
fn same_thing(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
            a.starts_with('-') && name(a) == name(b)
        }
        (Value::Object(a), Value::Object(b)) => a.get("name").is_some_and(|name| Some(name) == b.get("name")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Value> {
        text.split(' ').map(Value::from).collect()
    }

    #[test]
    fn a_changed_flag_stays_in_its_place() {
        let (old, new) = (list("api --a=1 --b=1 --d=1"), list("api --a=2 --c=1 --d=1"));
        assert_eq!(
            steps(&old, &new),
            [Step::Keep, Step::Change(1, 1), Step::Insert(2), Step::Delete(2), Step::Keep]
        );
    }
}
