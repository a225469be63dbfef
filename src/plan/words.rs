//! Command lines, compared word by word.

/// The words of one that the other has not, each as often as it is more there.
pub fn words_beside(some: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.to_vec();
    let mut left = Vec::new();
    for word in some {
        match others.iter().position(|other| other == word) {
            Some(at) => drop(others.swap_remove(at)),
            None => left.push(word.clone()),
        }
    }
    left
}
