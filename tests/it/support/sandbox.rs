//! A folder of its own with nothing from outside, in which the built binary runs as a person runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// After this long a command that hangs is killed and its test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A temporary folder. Commands run in it, with no environment but a home, a path and a width.
pub struct Sandbox {
    folder: TempDir,
    root: PathBuf,
}

/// What a command left: its answer, what it said, its exit code.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

/// One row of an AgentV run: case, target, score, execution status.
pub type Row = (&'static str, &'static str, f64, &'static str);

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("the folder is there");
        Self { folder, root }
    }

    /// A sandbox whose store holds the four bundled runs of AgentV.
    pub fn with_samples() -> Self {
        let sandbox = Self::new();
        sandbox.run(&["ingest", &super::fixture("agentv").display().to_string()]).fine();
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Writes an AgentV run below `results`; rows are a second apart. Returns its folder within the sandbox.
    pub fn agentv(&self, experiment: &str, day: u32, rows: &[Row]) -> String {
        let folder = format!("results/runs/{experiment}/2026-05-{day:02}T08-00-00-000Z");
        let lines = rows.iter().enumerate().map(|(at, row)| agentv_line(day, at, row) + "\n");
        self.write(&format!("{folder}/index.jsonl"), lines.collect::<String>());
        folder
    }

    /// The binary with its arguments, ready for more.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runq"));
        command.args(arguments).current_dir(&self.root).env_clear();
        command.env("HOME", &self.root).env("PATH", "/usr/bin:/bin").env("COLUMNS", "80");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments), "")
    }

    /// Runs from a folder of the sandbox.
    pub fn run_in(&self, folder: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.current_dir(self.path(folder));
        self.finish(command, "")
    }

    /// Runs with more of an environment.
    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        self.finish(command, "")
    }

    /// Runs with a text on standard input.
    pub fn run_fed(&self, input: &str, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments), input)
    }

    /// Runs a line as a shell reads it; `runq` is the built binary.
    pub fn shell(&self, line: &str) -> Ran {
        self.shell_with(&[], line)
    }

    /// The same with more of an environment.
    pub fn shell_with(&self, environment: &[(&str, String)], line: &str) -> Ran {
        let runq = Path::new(env!("CARGO_BIN_EXE_runq")).parent().expect("the binary has a folder");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).current_dir(&self.root).env_clear().env("HOME", &self.root);
        command.env("PATH", format!("{}:/usr/bin:/bin", runq.display()));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        self.finish(command, "")
    }

    pub fn finish(&self, command: Command, input: &str) -> Ran {
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(input)
            .timeout(PATIENCE)
            .output()
            .expect("the binary runs");
        Ran {
            stdout: self.redacted(&output.stdout),
            stderr: self.redacted(&output.stderr),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Text without what differs between two runs of a test: the temporary folder and the checkout.
    pub fn redacted(&self, bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec())
            .expect("output is UTF-8")
            .replace(&self.root.display().to_string(), "[sandbox]")
            .replace(&self.folder.path().display().to_string(), "[sandbox]")
            .replace(env!("CARGO_MANIFEST_DIR"), "[checkout]")
    }

    /// Every file below a folder with its bytes, to see that nothing was written.
    pub fn files(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path(folder), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).expect("a file of the sandbox can be read");
            files.push((path, bytes));
        }
    }
}

fn agentv_line(day: u32, at: usize, (case, target, score, status): &Row) -> String {
    let mut row = json!({
        "timestamp": format!("2026-05-{day:02}T08:{:02}:{:02}.000Z", at / 60, at % 60),
        "test_id": case,
        "suite": "support-bot",
        "score": score,
        "target": target,
        "scores": [],
        "execution_status": status,
    });
    if *status == "execution_error" {
        row["error"] = json!("upstream 503 (exit code 7)");
        row["failure_stage"] = json!("agent");
        row["failure_reason_code"] = json!("provider_error");
    } else {
        row["scores"] = json!([{"name": "quality", "type": "code-grader", "score": score, "weight": 1}]);
        row["cost_usd"] = json!(0.001);
        row["duration_ms"] = json!(100 + 10 * at);
    }
    row.to_string()
}

impl Ran {
    /// The command that must have gone well.
    pub fn fine(self) -> Self {
        self.exits(0)
    }

    /// The command that must have ended with this code.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// The command that must have failed with this code, said nothing on stdout, and exactly this on stderr.
    pub fn refuses(self, code: i32, said: &str) -> Self {
        let ran = self.exits(code);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.trim_end(), said);
        ran
    }

    /// The one JSON document on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The JSON documents on stdout, one after the other.
    pub fn documents(&self) -> Vec<Value> {
        let documents = serde_json::Deserializer::from_str(&self.stdout).into_iter();
        documents
            .map(|document| document.unwrap_or_else(|error| panic!("{error}: {}", self.stdout)))
            .collect()
    }

    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}
