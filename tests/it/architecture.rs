//! The house rules that a compiler does not check: the direction of imports, who prints, who makes ids and times.

use std::fs;
use std::path::{Path, PathBuf};

/// The journey of the data: a module may use what stands before it in this list, and nothing behind it.
const JOURNEY: [&str; 16] = [
    "model",
    "objects",
    "source",
    "import",
    "diff",
    "functions",
    "store",
    "jobs",
    "ingest",
    "session",
    "comparison",
    "answer",
    "questions",
    "interop",
    "render",
    "cli",
];

/// Every source file below `src`, without tests.
fn sources() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("src can be listed") {
            let path = entry.expect("src can be listed").path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    collect(&path, files);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_name().is_some_and(|name| name != "tests.rs")
            {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                files.push((path, code));
            }
        }
    }
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files
}

fn module(path: &Path) -> String {
    let inner = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let first = inner.components().next().expect("a file").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let place = |name: &str| JOURNEY.iter().position(|module| *module == name);
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let own = module(&path);
        let Some(own_place) = place(&own) else { continue };
        for (line, text) in code_lines(&code) {
            for part in text.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if place(&used).is_some_and(|used| used > own_place) {
                    wrong.push(format!("{}:{line}: {own} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    for (path, _) in sources() {
        let own = module(&path);
        assert!(JOURNEY.contains(&own.as_str()) || own == "lib" || own == "main", "{}", path.display());
    }
}

#[test]
fn only_the_output_prints() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let printer = path.ends_with("cli/output.rs") || path.to_string_lossy().contains("cli/output/");
        for (line, text) in code_lines(&code) {
            let prints =
                ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!(", "io::stdout()", "io::stderr()"];
            if !printer && prints.iter().any(|print| text.contains(print)) {
                wrong.push(format!("{}:{line}: {}", path.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_unwraps_what_came_from_outside() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (line, text) in code_lines(&code) {
            if text.contains(".unwrap()") || text.contains(".expect(") || text.contains("unimplemented!(") {
                wrong.push(format!("{}:{line}: {}", path.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_store_knows_delta() {
    for (path, code) in sources() {
        assert!(module(&path) == "store" || !code.contains("deltalake_core"), "{}", path.display());
    }
}

#[test]
fn every_file_of_this_binary_is_one_of_its_modules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).expect("main.rs is there");
    for entry in fs::read_dir(&folder).expect("tests/it can be listed") {
        let path = entry.expect("tests/it can be listed").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "{} is forgotten in main.rs",
            path.display()
        );
    }
}
