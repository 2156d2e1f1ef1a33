//! What a command works with: the output, the store, the clock, and the runs that the person means.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::{BaseStrategy as _, choose_base_strategy};
use tokio::sync::Mutex;

use super::args::{GlobalArgs, ImportArgs};
use super::exit::{CliError, problem_report};
use super::output::{Output, Progress};
use crate::import::Fault;
use crate::import::rerun::template::Templates;
use crate::ingest::{Discovery, InMemory, Reading, Surroundings, discover, read_into_memory};
use crate::jobs::Jobs;
use crate::model::Timestamp;
use crate::objects::{Io, Network, Reach};
use crate::session::{Facts, Request, Session, SessionError, resolve_run};
use crate::source::{LocalDisk, Source, everywhere, expand, is_pattern, is_remote, near_path};
use crate::store::{Access, Place, Store, StoreError, StoreSnapshot};

/// The file in a store that holds what its users set.
const CONFIG: &str = "config.toml";

/// How many skipped lines are named one by one.
const FAULTS_SHOWN: usize = 20;

/// The folder in a store that holds its users' own views.
const VIEWS: &str = "sql";

/// A word of the command line and where it stands there.
type Word = (usize, String);

/// What every command is given.
pub struct Context<'a> {
    /// Flags that every command takes.
    pub global: GlobalArgs,
    /// The only writer of stdout and stderr.
    pub output: &'a Output,
}

/// What the commands of one process reach together: the connection to S3, and the store that was opened last.
pub struct Reached {
    /// The connection, and the count of what is asked.
    reach: Arc<Reach>,
    store: Mutex<Option<Store>>,
}

impl Default for Reached {
    fn default() -> Self {
        Self { reach: Arc::clone(Network::of_process().reach()), store: Mutex::default() }
    }
}

impl Reached {
    /// With a count of its own, for work that no command has asked for.
    pub fn apart() -> Self {
        Self { reach: Arc::default(), store: Mutex::default() }
    }

    /// The store at a place, opened once.
    async fn store(&self, place: &Place, access: Access) -> Result<Store, CliError> {
        let mut opened = self.store.lock().await;
        if let Some(store) = opened.as_ref().filter(|store| store.is_at(place) && store.access() == access) {
            return Ok(store.clone());
        }
        Ok(opened.insert(Box::pin(Store::open_at(place, access, &self.reach)).await?).clone())
    }
}

impl fmt::Debug for Reached {
    /// Says nothing of what was asked so far: flags are the same however often they were used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reached")
    }
}

/// The runs that a person means, and what was wrong on the way to them.
pub struct Asked {
    /// What a session is opened over.
    pub facts: Facts,
    /// What it is opened with; its scope names the runs.
    pub request: Request,
    /// The exit code that unreadable files call for; 0 when there were none.
    pub code: u8,
}

impl<'a> Context<'a> {
    /// A context for one command.
    pub fn new(global: GlobalArgs, output: &'a Output) -> Self {
        Self { global, output }
    }

    /// Where the store is: named, or `.runq` here or above; `None` when there is none.
    ///
    /// # Errors
    /// When what was named is no place for one.
    pub fn place(&self) -> Result<Option<Place>, CliError> {
        match &self.global.store {
            Some(named) => Ok(Some(Place::of(named).map_err(StoreError::from)?)),
            None => Ok(crate::store::find(&here()).map(Place::Disk)),
        }
    }

    /// What may be done with the store.
    pub fn access(&self) -> Access {
        let is_past = self.global.session.as_of.is_some();
        match (self.global.read_only || is_past, self.global.single_writer) {
            (true, _) => Access::ReadOnly,
            (false, true) => Access::SingleWriter,
            (false, false) => Access::ReadWrite,
        }
    }

    /// The store, which must exist.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn store(&self) -> Result<Store, CliError> {
        match self.place()? {
            Some(place) => self.global.reached.store(&place, self.access()).await,
            None => Err(CliError::not_found(
                "there is no store here: no .runq in this folder or above it",
                Some("runq ingest PATH makes one; runq compare PATH asks about files without one"),
            )),
        }
    }

    /// The store, made when there is none.
    ///
    /// # Errors
    /// When it cannot be opened or made, or may only be read.
    pub async fn store_for_writing(&self) -> Result<Store, CliError> {
        self.refuse_read_only()?;
        let reached = &self.global.reached;
        let place = self.place_for_writing()?;
        let store = Box::pin(Store::create_at(&place, self.access(), &reached.reach)).await?;
        *reached.store.lock().await = Some(store.clone());
        Ok(store)
    }

    /// Refuses to go on when the store may only be read.
    ///
    /// # Errors
    /// When it may.
    pub fn refuse_read_only(&self) -> Result<(), CliError> {
        if self.access() == Access::ReadOnly {
            return Err(StoreError::ReadOnly { path: self.place_for_writing()?.to_string() }.into());
        }
        Ok(())
    }

    /// Refuses to go on when the store is asked about as it was, for what only makes sense of now.
    ///
    /// # Errors
    /// When it is.
    pub fn refuse_past(&self, command: &str) -> Result<(), CliError> {
        match self.global.session.as_of {
            None => Ok(()),
            Some(_) => {
                let said = format!("{command} is about the store as it is now: --as-of does not go with it");
                Err(CliError::usage(said, None))
            }
        }
    }

    /// What a store holds: now, or as it was when that is asked for.
    ///
    /// # Errors
    /// When it cannot be read, or can no longer be shown.
    pub async fn snapshot(&self, store: &Store) -> Result<StoreSnapshot, CliError> {
        Ok(self.snapshot_of(store).await?)
    }

    async fn snapshot_of(&self, store: &Store) -> Result<StoreSnapshot, StoreError> {
        match self.global.session.as_of {
            None => store.snapshot().await,
            Some(past) => store.snapshot_as_of(past.at(ProcessSurroundings::quiet().now())).await,
        }
    }

    fn place_for_writing(&self) -> Result<Place, CliError> {
        Ok(self.place()?.unwrap_or_else(|| Place::Disk(here().join(crate::store::STORE_FOLDER))))
    }

    /// The commands of the user's own tools: `config.toml` in the store; none without a store or the file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it should be.
    pub async fn templates(&self) -> Result<Templates, CliError> {
        let Some((name, text)) = self.config().await? else { return Ok(Templates::default()) };
        Templates::from_toml(&text).map_err(|error| {
            let said = format!("{name}:{}: {}", error.line, error.problem);
            CliError::usage(said, Some(error.hint()))
        })
    }

    /// `config.toml` in the store: its name and its text.
    async fn config(&self) -> Result<Option<(String, String)>, CliError> {
        let unreadable =
            |name: &str, error: &dyn fmt::Display| CliError::usage(format!("{name}: {error}"), None);
        match self.place()? {
            None => Ok(None),
            Some(Place::Disk(folder)) => {
                let path = folder.join(CONFIG);
                let name = shown_path(&path);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Ok(Some((name, text))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(unreadable(&name, &error)),
                }
            }
            Some(place @ Place::S3(_)) => {
                let name = format!("{place}/{CONFIG}");
                let Some(bytes) = self.store().await?.file(CONFIG).await? else { return Ok(None) };
                let text = String::from_utf8(bytes.into()).map_err(|error| unreadable(&name, &error))?;
                Ok(Some((name, text)))
            }
        }
    }

    /// The jobs of the store. Those of a store in S3 are of this machine: processes, locks and logs are in the folder of
    /// the user's state ($XDG_STATE_HOME or ~/.local/state), and other machines do not see them.
    ///
    /// # Errors
    /// When there is no home folder to keep them in.
    pub fn jobs(&self, store: &Store) -> Result<Jobs, CliError> {
        let Some(Place::S3(address)) = self.place()? else { return Ok(Jobs::of(Path::new(&store.label()))) };
        let state = choose_base_strategy().ok().and_then(|folders| folders.state_dir());
        let Some(state) = state else {
            let said = format!("there is no home folder to keep the jobs of {address} in");
            return Err(CliError::usage(said, Some("set HOME or XDG_STATE_HOME")));
        };
        let name = format!("{}-{}", address.bucket(), crate::model::text_id(&address.to_string()));
        Ok(Jobs::of(&state.join("runq").join("stores").join(name)))
    }

    /// Everything in the store.
    ///
    /// # Errors
    /// When there is no store, or it cannot be read.
    pub async fn stored_facts(&self) -> Result<Facts, CliError> {
        let store = self.store().await?;
        let (snapshot, views) = futures::join!(self.snapshot(&store), views_of(&store));
        facts_of(&store, &snapshot?, views?)
    }

    /// Everything in the store; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn stored(&self) -> Result<Option<Facts>, CliError> {
        match self.place()? {
            None => Ok(None),
            Some(place) if place.is_missing() => Ok(None),
            Some(Place::Disk(_)) => self.stored_facts().await.map(Some),
            Some(Place::S3(_)) => {
                let store = self.store().await?;
                let (snapshot, views) = futures::join!(self.snapshot_of(&store), views_of(&store));
                match snapshot {
                    Ok(snapshot) => facts_of(&store, &snapshot, views?).map(Some),
                    Err(StoreError::NotAStore { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The connection to S3, and the count of what is asked.
    pub fn reach(&self) -> &Arc<Reach> {
        &self.global.reached.reach
    }

    /// What was asked of the store and of files in S3 so far.
    pub fn io(&self) -> Io {
        self.global.reached.reach.traffic().so_far()
    }

    /// Says what was asked since a time, where that is wanted.
    pub fn say_io(&self, before: Io) {
        if self.global.io {
            self.output.line(&format!("io: {}", self.io() - before));
        }
    }

    /// The runs and paths that a person named; the whole store when none were.
    ///
    /// # Errors
    /// When a name is neither a run of the store nor a path, or nothing of it can be read.
    pub async fn asked(&self, names: &[String], import: &ImportArgs) -> Result<Asked, CliError> {
        let mut request = self.global.session.request()?;
        let names = &self.names(names)?;
        if names.is_empty() {
            return Ok(Asked { facts: self.stored_facts().await?, request, code: 0 });
        }
        let stored = self.stored().await?;
        let (runs, paths) = self.told_apart(names, stored.as_ref())?;
        if paths.is_empty() {
            let facts = stored.ok_or(SessionError::NoRuns)?;
            // Those named without a flag come first: the first one named is the baseline.
            request.scope.runs.splice(0..0, runs.into_iter().map(|(_, name)| name));
            return Ok(Asked { facts, request, code: 0 });
        }
        let (memory, code) = self.read_paths(&paths, import)?;
        let origin = paths.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>().join(" ");
        let facts = match stored.filter(|_| !runs.is_empty()) {
            Some(stored) => beside(stored, &runs, memory, origin).await?,
            None => Facts::in_memory(memory, origin)?,
        };
        Ok(Asked { facts, request, code })
    }

    /// The names with those of standard input, one per line, in the place of a `-`.
    ///
    /// # Errors
    /// When `-` stands there twice, or nothing is to be had from standard input.
    pub fn names(&self, names: &[String]) -> Result<Vec<String>, CliError> {
        const HINT: &str = "runq runs --last 3 --format ids | runq compare -";
        match names.iter().filter(|name| *name == "-").count() {
            0 => return Ok(names.to_vec()),
            1 => {}
            _ => {
                return Err(CliError::usage("- is given twice, and standard input is read once", Some(HINT)));
            }
        }
        let environment = self.output.environment();
        if environment.stdin_taken {
            let said = "- reads the names of runs from standard input, and the shell reads that itself";
            return Err(CliError::usage(said, Some(HINT)));
        }
        if environment.stdin_terminal {
            let said = "- reads the names of runs from standard input, and that is this terminal";
            return Err(CliError::usage(said, Some(HINT)));
        }
        let text = std::io::read_to_string(std::io::stdin())
            .map_err(|error| CliError::usage(format!("standard input: {error}"), None))?;
        let read: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if read.is_empty() {
            return Err(CliError::not_found("- found no names on standard input", Some(HINT)));
        }
        let all = names.iter().flat_map(|name| if name == "-" { read.clone() } else { vec![name.clone()] });
        // A name that is given here and there is meant once.
        let mut seen = std::collections::HashSet::new();
        Ok(all.filter(|name| seen.insert(name.clone())).collect())
    }

    /// Whether a word names a run of the store, or a path.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_run_or_path(&self, word: &str) -> Result<bool, CliError> {
        if word == "-" || is_explicit(word) || is_path(word) {
            return Ok(true);
        }
        Ok(match self.stored().await? {
            Some(facts) => {
                let found = resolve_run(&facts.runs, word).map(drop);
                matches!(found, Ok(()) | Err(SessionError::AmbiguousRun { .. }))
            }
            None => looks_like_path(word),
        })
    }

    /// Which names are runs of the store and which are paths. A name that fits both is the run.
    fn told_apart(
        &self,
        names: &[String],
        stored: Option<&Facts>,
    ) -> Result<(Vec<Word>, Vec<Word>), CliError> {
        let mut runs = Vec::new();
        let mut paths = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let explicit = is_explicit(name);
            let as_run = stored.filter(|_| !explicit).map(|facts| resolve_run(&facts.runs, name));
            match as_run {
                Some(Ok(_)) => runs.push((place, name.clone())),
                _ if explicit || is_path(name) || stored.is_none() && looks_like_path(name) => {
                    paths.push((place, name.clone()))
                }
                Some(Err(error @ SessionError::AmbiguousRun { .. })) => return Err(error.into()),
                Some(Err(error)) => return Err(neither(name, &error)),
                None => return Err(no_store_and_no_path(name)),
            }
        }
        Ok((runs, paths))
    }

    /// Reads paths without a store. Problems are said at once; nothing readable at all is an error.
    fn read_paths(&self, paths: &[Word], import: &ImportArgs) -> Result<(InMemory, u8), CliError> {
        let options = import.options(self.global.session.task.as_ref())?;
        let words: Vec<String> = paths.iter().map(|(_, path)| path.clone()).collect();
        let source = everywhere();
        let discovery = discover(&source, &words, import.from);
        let surroundings = self.surroundings(&discovery, "reading");
        let mut memory = read_into_memory(&source, discovery, &options, &surroundings)?;
        drop(surroundings);
        for run in &mut memory.runs {
            run.argument = paths.get(run.argument).map_or(run.argument, |(place, _)| *place);
        }
        for problem in &memory.problems {
            self.output.error(&problem_report(problem));
        }
        self.say_reading(&memory.reading);
        let code = super::exit::problems_code(&memory.problems);
        if memory.runs.is_empty() {
            let said = if code == 0 { super::exit::NOT_FOUND } else { code };
            return Err(CliError::silent(said));
        }
        Ok((memory, code))
    }

    /// Says what importers noted and which lines were skipped.
    pub fn say_reading(&self, reading: &Reading) {
        for note in &reading.notes {
            self.output.note(note);
        }
        for fault in reading.faults.iter().take(FAULTS_SHOWN) {
            self.output.line(&shown_fault(fault));
        }
        if let Some(more @ 1..) = reading.faults.len().checked_sub(FAULTS_SHOWN) {
            self.output.line(&format!("and {more} more lines like these"));
        }
    }

    /// Ids, the clock, and a progress bar over the bytes of what was found.
    pub fn surroundings(&self, discovery: &Discovery, verb: &str) -> ProcessSurroundings {
        let progress = self.output.progress(verb);
        progress.set_total_bytes(discovery.found.iter().map(|found| found.size).sum());
        ProcessSurroundings { progress: Some(progress) }
    }
}

/// This process: random ids, the system's clock, a progress bar.
pub struct ProcessSurroundings {
    progress: Option<Progress>,
}

impl Surroundings for ProcessSurroundings {
    #[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
    fn ingest_id(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()[..12].to_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp(chrono::Utc::now().timestamp_micros())
    }

    fn progress(&self, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.advance_bytes(bytes);
        }
    }
}

impl ProcessSurroundings {
    /// With a progress bar of which nobody knows where it ends.
    pub const fn with(progress: Progress) -> Self {
        Self { progress: Some(progress) }
    }

    /// Without a progress bar.
    pub const fn quiet() -> Self {
        Self { progress: None }
    }
}

/// The current folder; paths stay relative when it cannot be told.
pub fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The views of its users' own in a store, name and SQL text.
///
/// # Errors
/// When one of them cannot be read.
pub async fn views_of(store: &Store) -> Result<Vec<(String, String)>, CliError> {
    match store.is_far() {
        true => far_views(store).await,
        false => user_views(Path::new(&store.label())),
    }
}

/// The facts of a store, with its users' own views.
///
/// # Errors
/// When a table of the store is missing.
pub fn facts_of(
    store: &Store,
    snapshot: &StoreSnapshot,
    user_views: Vec<(String, String)>,
) -> Result<Facts, CliError> {
    let label = store.label();
    let shown = shown_path(Path::new(&label));
    let origin = match snapshot.as_of() {
        None => shown,
        Some(made) => format!("{shown} as of version {} of {}", snapshot.version(), made.to_rfc3339()),
    };
    Ok(Facts { user_views, ..Facts::stored(snapshot, origin)? })
}

/// A skipped line with its file as it is shown.
fn shown_fault(fault: &Fault) -> String {
    Fault { path: shown_path(&fault.path).into(), ..fault.clone() }.to_string()
}

/// A path as it is shown: relative to here where it lies below.
pub fn shown_path(path: &Path) -> String {
    match path.strip_prefix(here()) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// The person's own views: `sql/*.sql` in the store.
fn user_views(root: &Path) -> Result<Vec<(String, String)>, CliError> {
    let folder = root.join(VIEWS);
    let Ok(Some(_)) = LocalDisk.entry(&folder) else { return Ok(Vec::new()) };
    let mut views = Vec::new();
    for entry in LocalDisk.list(&folder).map_err(|error| CliError::usage(error.to_string(), None))? {
        let name = entry.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if entry.path.extension().is_some_and(|extension| extension == "sql") && !name.is_empty() {
            let text = std::fs::read(&entry.path)
                .map_err(|error| CliError::usage(format!("{}: {error}", entry.path.display()), None))?;
            // What is no text does not parse, and then breaks only who asks it.
            views.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(views)
}

/// The same of a store that is far away.
async fn far_views(store: &Store) -> Result<Vec<(String, String)>, CliError> {
    let files = store.files(VIEWS).await?.into_iter();
    let views = files.filter_map(|(name, text)| {
        let name = name.strip_suffix(".sql").filter(|name| !name.is_empty())?;
        Some((name.to_owned(), String::from_utf8_lossy(&text).into_owned()))
    });
    Ok(views.collect())
}

/// Whether a word can only mean a path, be something there or not.
fn is_explicit(word: &str) -> bool {
    let is_address = || word.contains('/') && is_remote(Path::new(word));
    word.starts_with("./") || word.starts_with("../") || word.starts_with('/') || is_address()
}

/// Whether a word names something on the disk, as it is or as a glob. An address in S3 does, without asking there.
pub(super) fn is_path(name: &str) -> bool {
    let source = everywhere();
    is_remote(Path::new(name))
        || matches!(source.entry(Path::new(name)), Ok(Some(_)))
        || is_pattern(name) && expand(&source, name).is_ok_and(|found| !found.paths.is_empty())
}

/// A name with a folder or an ending in it means a path, also one that is not there.
fn looks_like_path(name: &str) -> bool {
    name.contains(['/', '*', '?', '[']) || Path::new(name).extension().is_some()
}

fn no_store_and_no_path(name: &str) -> CliError {
    let hint = near_path(&everywhere(), Path::new(name)).map_or_else(
        || "runq ingest PATH makes a store; a path is asked about without one".to_owned(),
        |near| format!("did you mean the path {}?", near.display()),
    );
    CliError::not_found(
        format!("{name} is no path, and there is no store here: no .runq in this folder or above it"),
        Some(&hint),
    )
}

fn neither(name: &str, error: &SessionError) -> CliError {
    let hint = error.hint();
    let near = near_path(&everywhere(), Path::new(name))
        .map(|near| format!("did you mean the path {}?", near.display()));
    CliError::not_found(format!("{name} is neither a run of the store nor a path"), near.or(hint).as_deref())
}

/// Runs of the store beside runs that were read from paths: the store's are read into memory too.
async fn beside(stored: Facts, names: &[Word], memory: InMemory, origin: String) -> Result<Facts, CliError> {
    let metrics = stored.metrics.clone();
    let user_views = stored.user_views.clone();
    let origin = format!("{} and {origin}", stored.origin);
    let mut all = crate::session::read_runs(&stored, names).await?;
    all.runs.extend(memory.runs);
    all.reading.metrics = memory.reading.metrics;
    let mut facts = Facts::in_memory(all, origin)?;
    facts.metrics.extend(metrics);
    facts.user_views = user_views;
    Ok(facts)
}

/// Opens a session over what was asked.
///
/// # Errors
/// As [`Session::open`].
pub async fn open(asked: Asked) -> Result<(Session, u8), CliError> {
    Ok((Session::open(asked.facts, asked.request).await?, asked.code))
}
