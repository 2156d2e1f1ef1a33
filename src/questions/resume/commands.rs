//! The commands of a plan: asked of the tool, then told for a shell.

use std::fmt::Write as _;
use std::path::Path;

use super::deviations::{cases_of, foretell};
use super::{Missing, PlannedCommand, Resume, RunPlan};
use crate::import::rerun::{RerunCommand, RerunMode, RerunOrder, commands, template};
use crate::model::{shell_line, shell_word, text_id};
use crate::session::{Session, SessionError};
use crate::source::Source;

/// Fills in the commands of a run's plan and what they do beside it; none when there is nothing to run.
///
/// # Errors
/// When what the tool's file holds cannot be read.
pub(super) async fn add(
    session: &mut Session,
    plan: &mut RunPlan,
    (asked, source): (&Resume, &dyn Source),
) -> Result<(), SessionError> {
    let nothing = plan.rows.is_empty() && asked.unnamed(plan) == 0;
    if nothing && !asked.is_whole() {
        return Ok(());
    }
    let cases = cases_of(session, (&plan.run.ingest_id, &plan.rows), asked.mode).await?;
    let order = RerunOrder {
        run: &plan.run,
        mode: asked.mode,
        cases: &cases,
        whole: asked.is_whole(),
        models: &plan.models,
        given: &asked.places,
        source,
        here: &asked.here,
        words: &asked.words,
        now: asked.now,
    };
    plan.commands = commands(&order, &asked.templates)
        .map(|made| made.into_iter().map(|command| planned(command, (plan, asked))).collect());
    if let Ok(commands) = &mut plan.commands {
        foretell(session, (&plan.run.ingest_id, &plan.rows), commands).await?;
    }
    if nothing {
        // Nothing is started; what the tool would do by its own rule is told all the same.
        let commands = std::mem::replace(&mut plan.commands, Ok(Vec::new()));
        plan.unasked = commands.into_iter().flatten().flat_map(|command| command.runs_also).collect();
    }
    Ok(())
}

impl Resume {
    /// How many planned cases are missing that nobody names and that the tool is to run all the same.
    pub fn unnamed(&self, plan: &RunPlan) -> i64 {
        match plan.missing {
            Missing::Counted(missing) if self.mode.takes_missing() && self.is_whole() => missing,
            _ => 0,
        }
    }

    /// Whether all that the mode selects is wanted, so that a tool may choose by itself.
    fn is_whole(&self) -> bool {
        !matches!(self.mode, RerunMode::Where | RerunMode::Select)
            && self.models.is_empty()
            && self.case.is_none()
            && self.reasons.is_empty()
            && self.max_attempts.is_none()
    }
}

fn planned(command: RerunCommand, (plan, asked): (&RunPlan, &Resume)) -> PlannedCommand {
    let files = files_folder(plan, asked.mode);
    let line = shell_line(&with_files(&command.argv, &files));
    PlannedCommand {
        tool: plan.run.tool.clone(),
        shell: script(&command, &line, (&files, &asked.here)),
        line,
        command,
        runs_also: Vec::new(),
        does_not_run: Vec::new(),
    }
}

/// A folder for the files of a plan that is printed, the same for the same plan.
fn files_folder(plan: &RunPlan, mode: RerunMode) -> String {
    let id = text_id(&format!("{} {}", plan.run.ingest_id, mode.as_str()));
    format!("/tmp/runq-{}/", id.chars().take(8).collect::<String>())
}

fn with_files(argv: &[String], folder: &str) -> Vec<String> {
    argv.iter().map(|word| word.replace(template::FOLDER, folder)).collect()
}

/// Everything that a shell has to be given from where the person is.
fn script(command: &RerunCommand, line: &str, (files, here): (&str, &Path)) -> String {
    let mut script = String::new();
    if !command.files.is_empty() {
        let _ = writeln!(script, "mkdir -p {}", shell_word(files));
    }
    for file in &command.files {
        let end = unused_line(&file.text);
        let broken = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
        let path = shell_word(&format!("{files}{}", file.name));
        let _ = writeln!(script, "cat > {path} <<'{end}'\n{}{broken}{end}", file.text);
    }
    if command.folder == here {
        script.push_str(line);
    } else {
        // In a shell of its own, so that the next command starts from here again.
        let _ = write!(script, "(cd {} && {line})", shell_word(&command.folder.to_string_lossy()));
    }
    script
}

/// A line that ends a text and does not stand in it.
fn unused_line(text: &str) -> String {
    let mut end = "END_OF_FILE".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}
