//! Names in messages: the nearest one to a name that does not exist, and a few of many.

/// The name that a person probably meant, or `None` when nothing is near.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    names
        .map(|name| (similarity(&lower, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= 0.7)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// 1 for equal names; a name that holds the other counts as near.
fn similarity(wanted: &str, name: &str) -> f64 {
    let held = wanted.len() >= 3 && (name.contains(wanted) || wanted.contains(name) && name.len() >= 3);
    let distance = strsim::normalized_damerau_levenshtein(wanted, name);
    if held { distance.max(0.75) } else { distance }
}

/// The first so many names, and how many more there are.
pub fn few<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown = names.iter().take(most).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(most) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_a_stranger_does_not() {
        let names = ["accuracy", "score", "duration_ms"];
        assert_eq!(nearest("acuracy", names.into_iter()), Some("accuracy"));
        assert_eq!(nearest("duration", names.into_iter()), Some("duration_ms"));
        assert_eq!(nearest("zebra", names.into_iter()), None);
    }

    #[test]
    fn a_list_stays_short_and_says_so() {
        let names = ["a", "b", "c"];
        assert_eq!((few(&names, 3), few(&names, 2)), ("a, b, c".to_owned(), "a, b and 1 more".to_owned()));
    }
}
