//! Lists the view files under `sql/`, so that a new view is a new file and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for folder in ["facts", "questions"] {
        println!("cargo::rerun-if-changed=sql/{folder}");
        for entry in fs::read_dir(root.join("sql").join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                files.push((folder, path));
            }
        }
    }
    files.sort();
    let mut code = String::from("&[\n");
    for (folder, path) in &files {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        // Relative to the crate that is compiled: a target folder may serve another checkout later.
        let inside = format!("/sql/{folder}/{name}.sql");
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {inside:?}))");
        let _ = writeln!(code, "    ({name:?}, {folder:?}, {text}),");
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(Path::new(&out).join("views.rs"), code)
}
