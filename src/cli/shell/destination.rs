//! Where answers go: the screen (through a pager where they are longer than it), a file, or the input of a command.
//!
//! A file is written whole or not at all: it gets its name when it is closed, and an error that ends the script, or the
//! answer of `.once`, leaves an earlier file of that name as it was.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Shell;
use super::pager;
use super::settings::Settings;
use crate::answer::number::{count, counted};
use crate::cli::context::{here, shown_path};
use crate::cli::exit::{self, CliError};
use crate::cli::export::target::Target;
use crate::cli::output::{Captured, Environment, Output, Report};
use crate::render::{RENDERERS, Renderer, Screen, TABLE, renderer, renderer_of_ending};

/// What an answer is about, which decides its usual form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Rows of a statement.
    Rows,
    /// A command.
    Command,
}

/// Where answers go beside the screen.
#[derive(Default)]
pub struct Destination {
    kept: Option<Place>,
    once: Option<Place>,
}

/// A file or a command that answers go to.
struct Place {
    named: String,
    /// What the ending of its name means.
    ending: Option<&'static dyn Renderer>,
    output: Output,
    answers: usize,
    end: End,
}

/// What is done when no more answers come.
enum End {
    File(Box<Target>),
    Command(Child),
}

/// Takes one answer.
pub struct Outlet {
    output: Output,
    way: Way,
}

enum Way {
    Screen,
    Kept,
    Once(Place),
    Paged { held: Captured, command: String },
}

impl Outlet {
    /// What the answer is written with.
    pub fn output(&self) -> &Output {
        &self.output
    }
}

impl Destination {
    /// What answers go to; `None` for the screen.
    pub fn named(&self) -> Option<&str> {
        self.kept.as_ref().map(|place| place.named.as_str())
    }

    /// Whether the next answer goes to the screen.
    pub fn is_screen(&self) -> bool {
        self.kept.is_none() && self.once.is_none()
    }

    /// Forgets what was to take the next answer.
    pub fn forget_once(&mut self) {
        self.once = None;
    }
}

impl Shell<'_> {
    /// Sends the answers to come to a file, to a command (`|sort`), or to the screen again; only the next one with
    /// `once`. What they went to so far is closed.
    ///
    /// # Errors
    /// When nothing can be written there, or this shell only reads.
    pub fn send_to(&mut self, word: Option<&str>, once: bool) -> Result<(), CliError> {
        let name = if once { ".once" } else { ".output" };
        let next = match word {
            None => None,
            Some(_) if self.global.read_only => return Err(CliError::refused(name)),
            Some(word) => Some(Place::open(name, word, self.output)?),
        };
        if once {
            self.destination.once = next;
            return Ok(());
        }
        let before = std::mem::replace(&mut self.destination.kept, next);
        before.map_or(Ok(()), |place| place.close(self.output))
    }

    /// Closes what answers go to; when the shell ends with an error, files keep what they had.
    ///
    /// # Errors
    /// When a file does not take its content, or a command failed.
    pub fn close_destination(&mut self, is_well: bool) -> Result<(), CliError> {
        self.destination.once = None;
        match self.destination.kept.take() {
            Some(place) if is_well => place.close(self.output),
            Some(place) => {
                if matches!(place.end, End::File(_)) {
                    self.output.note(&format!("{} is not written", place.named));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What takes the next answer.
    ///
    /// # Errors
    /// When a file holds an answer that no second one can stand beside.
    pub fn outlet(&mut self, asks: Asks) -> Result<Outlet, CliError> {
        let outlet = self.open_outlet(asks)?;
        let is_paged = self.interactive && self.output.is_interactive() && !self.global.read_only;
        match (&outlet.way, pager::command(&self.settings.pager)) {
            (Way::Screen, Some(command)) if is_paged => {
                let (output, held) = outlet.output.held();
                Ok(Outlet { output, way: Way::Paged { held, command } })
            }
            _ => Ok(outlet),
        }
    }

    /// What takes the next answer while it is being written, without a pager.
    ///
    /// # Errors
    /// As [`Shell::outlet`].
    pub fn open_outlet(&mut self, asks: Asks) -> Result<Outlet, CliError> {
        if let Some(mut place) = self.destination.once.take() {
            let output = place.takes(asks, &self.settings)?;
            return Ok(Outlet { output, way: Way::Once(place) });
        }
        if let Some(place) = &mut self.destination.kept {
            return Ok(Outlet { output: place.takes(asks, &self.settings)?, way: Way::Kept });
        }
        let form = self.form(asks);
        let screen = on_screen(self.output.screen(), form, &self.settings);
        Ok(Outlet { output: self.output.redirected(form, None).on_screen(screen), way: Way::Screen })
    }

    /// The form of answers on the screen.
    fn form(&self, asks: Asks) -> &'static dyn Renderer {
        match asks {
            Asks::Rows => self.settings.form_of_rows(self.output.format()),
            Asks::Command => self.settings.mode.or(self.global.chosen_format()).unwrap_or(TABLE),
        }
    }

    /// Ends an answer: shows what was held back, closes what took only this one.
    ///
    /// # Errors
    /// What writing it failed with, explained by what it was written to.
    pub fn written<T: Default>(
        &mut self,
        outlet: Outlet,
        written: Result<T, CliError>,
    ) -> Result<T, CliError> {
        let Outlet { output, way } = outlet;
        drop(output);
        match way {
            Way::Screen => written,
            Way::Paged { held, command } => {
                tokio::task::block_in_place(|| page(self.output, &held.stdout(), &command))?;
                written
            }
            Way::Kept => match &self.destination.kept {
                Some(place) => place.explained(written),
                None => written,
            },
            Way::Once(place) => {
                let value = place.explained(written)?;
                place.close(self.output)?;
                Ok(value)
            }
        }
    }
}

/// The screen as it is now, and no wider than a person wants.
fn on_screen(before: Screen, form: &dyn Renderer, settings: &Settings) -> Screen {
    let now = before.width.and_then(|before| Environment::columns().or(Some(before)));
    let width = match settings.max_width.filter(|_| form.is_screen()) {
        Some(most) => Some(now.map_or(most, |now| now.min(most))),
        None => now,
    };
    Screen { width, ..before }
}

/// Shows a text, in a pager when it is longer than the screen.
fn page(output: &Output, text: &str, command: &str) -> Result<(), CliError> {
    let is_long = pager::is_longer(text, (Environment::columns(), Environment::lines()));
    if !is_long || !pager::shows(text, command) {
        output.text(text)?;
    }
    Ok(())
}

/// What the ending of a file's name means; a text is what the screen shows.
fn form_of_ending(ending: &str) -> Option<&'static dyn Renderer> {
    if ending.eq_ignore_ascii_case("txt") { Some(TABLE) } else { renderer_of_ending(ending) }
}

fn no_form(name: &str, file: &str) -> CliError {
    let forms = RENDERERS.iter().filter(|form| !form.is_screen());
    let endings: Vec<&str> =
        forms.map(|form| form.endings().first().copied().unwrap_or(form.name())).collect();
    let said = format!("{name} {file}: no form is meant by its ending");
    CliError::usage(said, Some(&format!("let it end in txt, {}, or in nothing", endings.join(", "))))
}

impl Place {
    fn open(name: &str, word: &str, output: &Output) -> Result<Self, CliError> {
        if let Some(command) = word.strip_prefix('|') {
            return Self::command(name, command.trim(), output);
        }
        let path = Path::new(word);
        let ending = match path.extension().map(|ending| ending.to_string_lossy()) {
            Some(ending) => Some(form_of_ending(&ending).ok_or_else(|| no_form(name, word))?),
            None => None,
        };
        let mut target = Target::new(path, &format!("{name} {word}"))?;
        let output = output.redirected(TABLE, Some(target.writer()));
        let named = shown_path(&here().join(path));
        Ok(Self { named, ending, output, answers: 0, end: End::File(Box::new(target)) })
    }

    fn command(name: &str, command: &str, output: &Output) -> Result<Self, CliError> {
        if command.is_empty() {
            let hint = format!("{name} |sort");
            return Err(CliError::usage(format!("{name} |: expected a command"), Some(&hint)));
        }
        let failed = |problem: String| CliError {
            code: exit::NOT_FOUND,
            ..CliError::usage(format!("{name} |{command}: {problem}"), None)
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::piped());
        let mut child = shell.spawn().map_err(|error| failed(error.to_string()))?;
        let input = child.stdin.take().ok_or_else(|| failed("it takes no input".to_owned()))?;
        let output = output.redirected(TABLE, Some(Box::new(input)));
        Ok(Self { named: format!("|{command}"), ending: None, output, answers: 0, end: End::Command(child) })
    }

    /// The output of one more answer.
    fn takes(&mut self, asks: Asks, settings: &Settings) -> Result<Output, CliError> {
        let piped = match asks {
            Asks::Rows => renderer("csv").unwrap_or(TABLE),
            Asks::Command => TABLE,
        };
        // A drawing of a table in a file that calls itself Parquet, or csv, is of use to nobody.
        let is_drawn = settings.mode.is_some_and(|mode| mode.is_screen());
        let is_data = |ending: &&'static dyn Renderer| ending.is_binary() || is_drawn && !ending.is_screen();
        let meant = self.ending.filter(is_data).or(settings.mode).or(self.ending);
        let usual = meant.unwrap_or(piped);
        let form = if asks == Asks::Rows { settings.as_expanded(usual) } else { usual };
        if form.is_binary() && self.answers > 0 {
            let said = format!("{} has its answer: one file of {} holds one", self.named, form.name());
            return Err(CliError::usage(said, Some(".once FILE before each statement, or .mode jsonl")));
        }
        self.answers += 1;
        let screen = Screen { width: settings.max_width.filter(|_| form.is_screen()), ..Screen::PIPE };
        Ok(self.output.redirected(form, None).on_screen(screen))
    }

    /// An error with the file that could not be written, where that was the reason. A command that reads no more has
    /// seen enough.
    fn explained<T: Default>(&self, written: Result<T, CliError>) -> Result<T, CliError> {
        match (&self.end, written) {
            (End::File(target), Err(error)) => Err(target.explained(error)),
            (End::Command(_), Err(CliError { code: exit::OK, report: None })) => Ok(T::default()),
            (_, written) => written,
        }
    }

    /// Gives a file its name, or waits until a command has ended.
    fn close(self, output: &Output) -> Result<(), CliError> {
        // The last holder of the stream: what is buffered is written, and a command sees the end of its input.
        drop(self.output);
        match self.end {
            End::File(target) => {
                let bytes =
                    count(i64::try_from(futures::executor::block_on(target.publish())?).unwrap_or(i64::MAX));
                let answers = counted(self.answers, "answer", "answers");
                output.line(&format!("wrote {}: {answers}, {bytes} bytes", self.named));
                Ok(())
            }
            End::Command(mut child) => {
                let _mine = crate::cli::interrupt::claim_interrupts();
                let ended = tokio::task::block_in_place(|| child.wait());
                let said = match ended {
                    Ok(ended) if ended.success() => return Ok(()),
                    Ok(ended) => format!("{}: {ended}", self.named),
                    Err(error) => format!("{}: {error}", self.named),
                };
                Err(CliError { code: exit::TOOL_FAILED, report: Some(Report::new(said)) })
            }
        }
    }
}
