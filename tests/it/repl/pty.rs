//! A terminal with the built binary in it: keys go in, a screen comes out.
//!
//! Nothing here waits for a time. A test waits for what the screen shows, for at most [`PATIENCE`], and says what the
//! screen was when it never came. The terminal answers what programs ask a terminal: its colours, the cursor's place.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{Callbacks, Parser, Screen};

use crate::support::sandbox::Sandbox;

/// After this long without what a test waits for, it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines above the screen are kept.
const KEPT_LINES: usize = 20_000;

/// A key that is no letter.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Enter,
    Tab,
    Backspace,
    Escape,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    /// A letter with Ctrl held.
    Ctrl(char),
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Enter => b"\r".to_vec(),
            Self::Tab => b"\t".to_vec(),
            Self::Backspace => b"\x7f".to_vec(),
            Self::Escape => b"\x1b".to_vec(),
            Self::Up => b"\x1b[A".to_vec(),
            Self::Down => b"\x1b[B".to_vec(),
            Self::Right => b"\x1b[C".to_vec(),
            Self::Left => b"\x1b[D".to_vec(),
            Self::Home => b"\x1b[H".to_vec(),
            Self::End => b"\x1b[F".to_vec(),
            Self::Ctrl(letter) => vec![letter.to_ascii_lowercase() as u8 & 0x1f],
        }
    }
}

/// How a terminal is started.
pub struct Start<'a> {
    sandbox: &'a Sandbox,
    words: Vec<String>,
    rows: u16,
    columns: u16,
    light: bool,
    environment: Vec<(String, String)>,
}

impl<'a> Start<'a> {
    /// `runq` with these words in the sandbox's folder, on 24 lines of 80 columns, dark.
    pub fn new(sandbox: &'a Sandbox, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { sandbox, words, rows: 24, columns: 80, light: false, environment: Vec::new() }
    }

    /// Another size.
    pub fn size(self, rows: u16, columns: u16) -> Self {
        Self { rows, columns, ..self }
    }

    /// Dark letters on a light ground, as such terminals say it: in a variable, and when they are asked.
    pub fn light(self) -> Self {
        Self { light: true, ..self }.env("COLORFGBG", "0;15")
    }

    /// One more variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The terminal with the program running in it.
    pub fn open(self) -> Terminal {
        let size = PtySize { rows: self.rows, cols: self.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal can be made");
        let mut child = pair.slave.spawn_command(self.command()).expect("the binary runs");
        drop(pair.slave);
        let killer = child.clone_killer();
        let pid = child.process_id().expect("it runs");
        let (said, ended) = channel();
        thread::spawn(move || {
            let code = child.wait().map(|status| status.exit_code());
            said.send(code.unwrap_or(u32::MAX))
        });
        let writer = pair.master.take_writer().expect("the terminal can be written");
        let shared = Arc::new(Shared {
            shown: Mutex::new(Shown {
                parser: parser(self.rows, self.columns, self.light),
                bytes: Vec::new(),
                closed: false,
            }),
            news: Condvar::new(),
            writer: Mutex::new(writer),
        });
        read(pair.master.as_ref(), &shared);
        Terminal { master: pair.master, shared, killer, pid, ended, code: None }
    }

    fn command(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_runq"));
        command.args(&self.words);
        command.cwd(self.sandbox.path(""));
        command.env_clear();
        for (name, folder) in
            [("HOME", ""), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config"), ("TMPDIR", "")]
        {
            command.env(name, self.sandbox.path(folder));
        }
        for (name, value) in
            [("TERM", "xterm-256color"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("PAGER", "")]
        {
            command.env(name, value);
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }
}

/// A terminal in which the binary runs. Ends it when dropped.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    shared: Arc<Shared>,
    killer: Box<dyn ChildKiller + Send + Sync>,
    pid: u32,
    ended: Receiver<u32>,
    code: Option<u32>,
}

struct Shared {
    shown: Mutex<Shown>,
    news: Condvar,
    writer: Mutex<Box<dyn Write + Send>>,
}

struct Shown {
    parser: Parser<Answers>,
    /// Everything that was written, escape sequences included.
    bytes: Vec<u8>,
    closed: bool,
}

impl Terminal {
    /// The shell of the sandbox's store, at its first prompt.
    pub fn shell(sandbox: &Sandbox) -> Self {
        let terminal = Start::new(sandbox, &[]).open();
        terminal.wait_for_prompt();
        terminal
    }

    /// Types a text, letter by letter as far as the program can tell.
    pub fn type_text(&self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Presses a key.
    pub fn key(&self, key: Key) {
        self.send(&key.bytes());
    }

    /// Pastes a text, as a terminal does it: in brackets when the program asked for them, its line ends as Enter.
    pub fn paste(&self, text: &str) {
        let text = text.replace('\n', "\r");
        let brackets = self.shown().parser.screen().bracketed_paste();
        let text = if brackets { format!("\x1b[200~{text}\x1b[201~") } else { text };
        self.send(text.as_bytes());
    }

    /// Changes the size; the program is told.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.shown().parser.set_size(not_zero(rows), not_zero(columns));
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("the terminal takes a size");
    }

    /// Types a line, and gives everything that was written below it until the shell asked again, line by line.
    ///
    /// The line must be whole: a command, or a statement with its semicolon.
    pub fn ask(&self, line: &str) -> Vec<String> {
        self.type_text(line);
        let typed = without_space(line);
        self.wait_for(&format!("{line:?} to be typed"), |screen| {
            let (row, column) = screen.cursor_position();
            !at_prompt(screen) && without_space(&screen.contents_between(0, 0, row, column)).ends_with(&typed)
        });
        let before = self.scrollback().len();
        self.key(Key::Enter);
        self.wait_for_prompt();
        let mut written: Vec<String> = self.scrollback().split_off(before.min(self.scrollback().len()));
        written.pop();
        written
    }

    /// Waits until the shell asks for a statement, with nothing typed yet.
    pub fn wait_for_prompt(&self) {
        self.wait_for("a prompt", at_prompt);
    }

    /// Waits until a text is somewhere on the screen.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| screen.contents().contains(text));
    }

    /// Waits until the screen is as `is_as_expected` wants it; `what` names that when it never is.
    pub fn wait_for(&self, what: &str, is_as_expected: impl Fn(&Screen) -> bool) {
        let begun = Instant::now();
        let mut shown = self.shown();
        while !is_as_expected(shown.parser.screen()) {
            let left = PATIENCE.checked_sub(begun.elapsed()).filter(|_| !shown.closed);
            let Some(left) = left else {
                let frame = framed(shown.parser.screen());
                drop(shown);
                panic!("waited for {what}\n{frame}")
            };
            shown = self.shared.news.wait_timeout(shown, left).expect("the reader lives").0;
        }
    }

    /// The lines of the screen, without space at their ends, without the empty ones below.
    pub fn screen(&self) -> Vec<String> {
        lines_of(self.shown().parser.screen())
    }

    /// The screen as the parser has it: colours, cursor.
    pub fn with_screen<T>(&self, look: impl FnOnce(&Screen) -> T) -> T {
        look(self.shown().parser.screen())
    }

    /// The lines that have left the screen at its top, and those that are on it.
    pub fn scrollback(&self) -> Vec<String> {
        let mut shown = self.shown();
        let screen = shown.parser.screen_mut();
        let above = screen.scrollback_len();
        let columns = screen.size().1.get();
        let mut lines = Vec::with_capacity(above + 24);
        for offset in (1..=above).rev() {
            screen.set_scrollback(offset);
            lines.extend(screen.rows(0, columns).next().map(|line| line.trim_end().to_owned()));
        }
        screen.set_scrollback(0);
        lines.extend(lines_of(screen));
        lines
    }

    /// Everything that was written so far, with its escape sequences.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.shown().bytes).into_owned()
    }

    /// Waits for the end of the program and gives its exit code.
    pub fn exit_code(&mut self) -> u32 {
        if self.code.is_none() {
            self.code = self.ended.recv_timeout(PATIENCE).ok();
        }
        self.code.unwrap_or_else(|| panic!("the program goes on\n{}", framed(self.shown().parser.screen())))
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the terminal itself echoes what is typed and makes lines of it, as between two programs.
    pub fn is_cooked(&self) -> bool {
        use nix::sys::termios::LocalFlags;
        let cooked = (LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG).bits();
        // The harness has a `nix` of its own, whose flags have the same bits.
        let flags = self.master.get_termios().expect("a terminal has a mode").local_flags.bits();
        flags & cooked == cooked
    }

    fn send(&self, bytes: &[u8]) {
        let mut writer = self.shared.writer.lock().expect("no writer panics");
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shared.shown.lock().expect("the reader lives")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.code.is_none() && self.ended.try_recv().is_err() {
            // It may have ended by itself just now.
            let _ = self.killer.kill();
        }
    }
}

/// What the program asked the terminal, as answers to write back.
#[derive(Default)]
struct Answers {
    light: bool,
    waiting: Vec<u8>,
}

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _second: Option<u8>,
        parameters: &[&[u16]],
        letter: char,
    ) {
        match (first, parameters, letter) {
            (None, [[6], ..], 'n') => {
                let (row, column) = screen.cursor_position();
                self.waiting.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
            }
            (None, _, 'c') => self.waiting.extend(b"\x1b[?62;22c"),
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, parameters: &[&[u8]]) {
        let (paper, ink) = if self.light { ("ffff", "0000") } else { ("0000", "ffff") };
        let (number, color) = match parameters {
            [b"10", b"?", ..] => (10, ink),
            [b"11", b"?", ..] => (11, paper),
            _ => return,
        };
        self.waiting.extend(format!("\x1b]{number};rgb:{color}/{color}/{color}\x1b\\").bytes());
    }
}

/// Reads what the program writes until it ends.
fn read(master: &(dyn MasterPty + Send), shared: &Arc<Shared>) {
    let mut reader = master.try_clone_reader().expect("the terminal can be read");
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        let mut waiting = Vec::new();
        // The end of a terminal is an error on Linux.
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let answers = {
                let mut shown = shared.shown.lock().expect("no test panics with the screen in hand");
                waiting.extend(&bytes[..count]);
                shown.bytes.extend(&bytes[..count]);
                let drawn: Vec<u8> = waiting.drain(..whole(&waiting)).collect();
                shown.parser.process(&drawn);
                std::mem::take(&mut shown.parser.callbacks_mut().waiting)
            };
            shared.news.notify_all();
            if !answers.is_empty() {
                // A program that has ended wants no answer.
                let _ = shared.writer.lock().expect("no writer panics").write_all(&answers);
            }
        }
        shared.shown.lock().expect("no test panics with the screen in hand").closed = true;
        shared.news.notify_all();
    });
}

/// How much of what was written can be shown: a terminal shows nothing of a drawing that has begun and not ended.
fn whole(bytes: &[u8]) -> usize {
    const BEGIN: &[u8] = b"\x1b[?2026h";
    const END: &[u8] = b"\x1b[?2026l";
    let last = |order: &[u8]| bytes.windows(order.len()).rposition(|window| window == order);
    match last(BEGIN) {
        Some(begin) if last(END).is_none_or(|end| end < begin) => begin,
        // The order to begin may be there in part.
        _ => {
            let held = (1..BEGIN.len()).rev().find(|length| bytes.ends_with(&BEGIN[..*length]));
            bytes.len() - held.unwrap_or(0)
        }
    }
}

fn parser(rows: u16, columns: u16, light: bool) -> Parser<Answers> {
    let answers = Answers { light, waiting: Vec::new() };
    Parser::new_with_callbacks(not_zero(rows), not_zero(columns), KEPT_LINES, answers)
}

fn not_zero(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a screen has lines and columns")
}

/// Whether the cursor stands behind a prompt on which nothing is typed.
pub fn at_prompt(screen: &Screen) -> bool {
    let (row, column) = screen.cursor_position();
    let Some(line) = screen.rows(0, screen.size().1.get()).nth(usize::from(row)) else { return false };
    let line = line.trim_end();
    let before: String = screen.contents_between(row, 0, row, column);
    line.starts_with("runq") && line.ends_with('>') && before.trim_end() == line && before.ends_with("> ")
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

fn lines_of(screen: &Screen) -> Vec<String> {
    let mut lines: Vec<String> =
        screen.rows(0, screen.size().1.get()).map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// The screen in a frame, for the message of a test that fails.
fn framed(screen: &Screen) -> String {
    let width = usize::from(screen.size().1.get());
    let edge = format!("+{}+", "-".repeat(width));
    let lines: Vec<String> = screen.rows(0, screen.size().1.get()).map(|line| format!("|{line}")).collect();
    format!("{edge}\n{}\n{edge}\ncursor at {:?}", lines.join("\n"), screen.cursor_position())
}
