//! A template with a plan's values in its places.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::word::{Piece, Place, Word};
use super::{FOLDER, Template};
use crate::import::rerun::places;
use crate::import::rerun::{
    Decision, History, RerunCase, RerunCommand, RerunError, RerunFile, RerunOrder, Runs,
};

/// The commands of an order.
pub(super) fn commands(template: &Template, order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
    if order.given.output.is_some() && !template.uses(Place::Output) {
        return Err(problem("--output reaches nothing: the template does not use {output}"));
    }
    if !template.uses(Place::Model) {
        let cases = order.cases.iter().collect();
        return Ok(vec![Filling { template, order, cases, model: None, number: 0 }.command()?]);
    }
    let mut groups: Vec<(&str, Vec<&RerunCase>)> = Vec::new();
    for case in order.cases {
        let model = case.model.as_deref().ok_or_else(|| {
            problem(&format!("the template uses {{model}}, and case {:?} names none", case.case_id))
        })?;
        match groups.iter_mut().find(|(known, _)| *known == model) {
            Some((_, cases)) => cases.push(case),
            None => groups.push((model, vec![case])),
        }
    }
    let filled = groups.into_iter().enumerate().map(|(number, (model, cases))| {
        Filling { template, order, cases, model: Some(model), number }.command()
    });
    filled.collect()
}

fn problem(text: &str) -> RerunError {
    RerunError::Template(text.to_owned())
}

/// One command that is being made.
struct Filling<'a> {
    template: &'a Template,
    order: &'a RerunOrder<'a>,
    /// What this command is to run.
    cases: Vec<&'a RerunCase>,
    /// Its model, where each command has one.
    model: Option<&'a str>,
    /// Place among the commands, from 0.
    number: usize,
}

impl Filling<'_> {
    fn command(&self) -> Result<RerunCommand, RerunError> {
        let folder = match &self.template.folder {
            Some(word) => places::absolute(self.order.here, Path::new(&self.filled(word)?)),
            None => self.order.here.to_owned(),
        };
        Ok(RerunCommand {
            argv: self.argv()?,
            folder,
            files: self.files()?,
            output: self.output()?,
            runs: self.runs(),
            notes: self.notes(),
        })
    }

    fn argv(&self) -> Result<Vec<String>, RerunError> {
        let mut argv = Vec::new();
        for word in &self.template.command {
            match word.alone() {
                Some(Place::Ids) => argv.extend(self.ids().into_iter().map(str::to_owned)),
                Some(Place::Words) => argv.extend_from_slice(self.order.words),
                _ => argv.push(self.filled(word)?),
            }
        }
        if !self.template.uses(Place::Words) {
            argv.extend_from_slice(self.order.words);
        }
        Ok(argv)
    }

    fn filled(&self, word: &Word) -> Result<String, RerunError> {
        let mut filled = String::new();
        for piece in &word.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(place) => filled.push_str(&self.value(*place)?),
            }
        }
        Ok(filled)
    }

    fn value(&self, place: Place) -> Result<String, RerunError> {
        let run = self.order.run;
        let shown = |path: PathBuf| path.to_string_lossy().into_owned();
        let lacks = |what: &str| problem(&format!("the template uses {{{}}}, and {what}", place.name()));
        match place {
            Place::IdsFile | Place::IdsJson | Place::RowsFile => {
                Ok(format!("{FOLDER}{}", self.file_name(place)))
            }
            Place::RunDir => places::run_dir(self.order).map(shown),
            Place::RunId => Ok(run.run_id.clone()),
            Place::Suite => {
                let run_dir = places::run_dir(self.order).ok();
                places::suite(self.order, run_dir.as_deref()).map(shown)
            }
            Place::Output => self
                .output()?
                .map(shown)
                .ok_or_else(|| lacks("neither --output nor the template's output says where it is")),
            Place::Task => Ok(run.task.clone()),
            Place::Experiment => run.experiment.clone().ok_or_else(|| lacks("the run has no experiment")),
            Place::Mode => Ok(self.order.mode.as_str().to_owned()),
            Place::Model => self.model.map(str::to_owned).ok_or_else(|| lacks("no case names a model")),
            Place::Ids | Place::Words => Err(lacks("it stands for several words")),
        }
    }

    /// Where new rows go, when the person or the template says so.
    fn output(&self) -> Result<Option<PathBuf>, RerunError> {
        let path = match (&self.order.given.output, &self.template.output) {
            (Some(given), _) => given.clone(),
            (None, Some(word)) if word.uses(Place::Output) => {
                return Err(problem("the template's output is said by {output} itself"));
            }
            (None, Some(word)) => PathBuf::from(self.filled(word)?),
            (None, None) => return Ok(None),
        };
        Ok(Some(places::absolute(self.order.here, &path)))
    }

    /// The ids in the order of the plan, each once.
    fn ids(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.cases.iter().map(|case| case.case_id.as_str()).filter(|id| seen.insert(*id)).collect()
    }

    /// Files of several commands of a plan have names of their own.
    fn file_name(&self, place: Place) -> String {
        let (stem, extension) = match place {
            Place::IdsJson => ("ids", "json"),
            Place::RowsFile => ("rows", "jsonl"),
            _ => ("ids", "txt"),
        };
        match self.number {
            0 => format!("{stem}.{extension}"),
            number => format!("{stem}-{}.{extension}", number + 1),
        }
    }

    fn files(&self) -> Result<Vec<RerunFile>, RerunError> {
        let places = [Place::IdsFile, Place::IdsJson, Place::RowsFile];
        let used = places.into_iter().filter(|place| self.template.uses(*place));
        used.map(|place| Ok(RerunFile { name: self.file_name(place), text: self.text(place)? })).collect()
    }

    fn text(&self, place: Place) -> Result<String, RerunError> {
        let ids = self.ids();
        match place {
            Place::IdsJson => Ok(format!("{}\n", json!(ids))),
            Place::RowsFile => Ok(self.cases.iter().map(|case| format!("{}\n", row(case))).collect()),
            _ => match ids.iter().find(|id| id.contains(['\n', '\r'])) {
                Some(id) => Err(problem(&format!(
                    "the id {id:?} holds a line break, so {{ids_file}} cannot name it; {{ids_json}} can"
                ))),
                None => Ok(ids.iter().map(|id| format!("{id}\n")).collect()),
            },
        }
    }

    /// A tool is trusted to run what it is told, and no more.
    fn runs(&self) -> Runs {
        let pair = |case: &&RerunCase| (case.case_id.clone(), case.model.clone());
        Runs {
            cases: Some(self.ids().into_iter().map(str::to_owned).collect()),
            models: self.model.map(|model| BTreeSet::from([model.to_owned()])),
            pairs: self.template.uses(Place::RowsFile).then(|| self.cases.iter().map(pair).collect()),
            rule: if self.model.is_some() || self.template.uses(Place::RowsFile) { told } else { told_cases },
        }
    }

    fn notes(&self) -> Vec<String> {
        let told = [Place::IdsFile, Place::IdsJson, Place::RowsFile, Place::Ids];
        if self.number > 0 || told.iter().any(|place| self.template.uses(*place)) {
            return Vec::new();
        }
        vec!["the template tells the tool no cases, so what it runs is its own choice".to_owned()]
    }
}

fn row(case: &RerunCase) -> serde_json::Value {
    json!({"task": case.task, "case_id": case.case_id, "model": case.model, "prompt": case.prompt})
}

const fn told(_: &History) -> Decision {
    Decision::Runs("runs what it is told")
}

const fn told_cases(_: &History) -> Decision {
    Decision::Runs("is told the case and not the model")
}
