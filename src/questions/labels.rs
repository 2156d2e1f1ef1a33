//! What arms and versions are called on screen: runs by their name, or by their experiment where that tells them apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::answer::number;
use crate::session::Session;

/// Up to how many characters a run's name tells a person little (AMX numbers its runs).
const SHORT: usize = 6;

/// Arms with their short names.
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The labels of these arms.
    pub(crate) fn of<'a>(arms: impl Iterator<Item = &'a str>, session: &Session) -> Self {
        let arms: Vec<&str> = arms.collect();
        let mut labels = BTreeMap::new();
        for arm in &arms {
            let name = session
                .runs()
                .iter()
                .find(|entry| entry.run.run_id == *arm)
                .and_then(|entry| entry.run.name.as_ref());
            let short = name.map_or_else(|| arm.split("::").next().unwrap_or(arm).to_owned(), Clone::clone);
            labels.insert((*arm).to_owned(), short);
        }
        let distinct: BTreeSet<&String> = labels.values().collect();
        if session.by() != "run" || distinct.len() < labels.len() {
            labels = arms.iter().map(|arm| ((*arm).to_owned(), (*arm).to_owned())).collect();
        }
        Self(labels)
    }

    /// The same labels with the model of each run behind its name, where names tell little, models differ and every
    /// run has one.
    pub(crate) fn with_models<'a>(mut self, models: impl Iterator<Item = (&'a str, &'a [String])>) -> Self {
        let models: Vec<(&str, &[String])> = models.collect();
        let distinct: BTreeSet<&String> = models.iter().flat_map(|(_, models)| *models).collect();
        let tell_little = self.0.values().all(|label| label.len() <= SHORT);
        let say_it = models.iter().any(|(arm, models)| models.iter().any(|model| model == arm));
        if !tell_little || say_it || distinct.len() < 2 || models.iter().any(|(_, models)| models.len() > 1) {
            return self;
        }
        for (arm, models) in models {
            if let (Some(label), [model]) = (self.0.get_mut(arm), models) {
                *label = format!("{label} {model}");
            }
        }
        self
    }

    /// What an arm is called.
    pub(crate) fn get<'a>(&'a self, arm: &'a str) -> &'a str {
        self.0.get(arm).map_or(arm, String::as_str)
    }
}

/// How many arms there are, by the dimension's own plural where it has one.
pub(crate) fn arms_in_words(count: usize, by: &str) -> String {
    let one = if has_plural(by) { by.to_owned() } else { format!("value of {by}") };
    number::counted(count, &one, &plural(by))
}

/// The arms of a dimension: models, values of tags.owner.
pub(crate) fn plural(by: &str) -> String {
    if has_plural(by) { format!("{by}s") } else { format!("values of {by}") }
}

fn has_plural(by: &str) -> bool {
    ["run", "model", "prompt", "experiment", "provider", "variant", "task"].contains(&by)
}

/// The letter that AMX puts beside a version, for a mode.
pub(crate) fn mode_chip(mode: &str) -> &str {
    match mode {
        "semantic" => "S",
        "lexical" => "L",
        other => other,
    }
}
