//! An independent Delta reader sees the same rows: the Python package `deltalake`, where it is installed.

use std::process::Command;

use super::*;

const COUNT: &str = r#"
import sys
from deltalake import DeltaTable
for name in ["runs", "results", "scores", "steps", "metrics"]:
    print(name, DeltaTable(f"{sys.argv[1]}/{name}").to_pyarrow_table().num_rows)
"#;

/// What a script prints of a store, or none when the package is missing. `RUNQ_TEST_PYTHON` names another interpreter.
pub(super) fn said_by_python(script: &str, root: &std::path::Path) -> Option<String> {
    let python = std::env::var("RUNQ_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let installed = Command::new(&python).args(["-c", "import deltalake, pyarrow"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let output = Command::new(&python).args(["-c", script]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn counts_are_the_same_after_a_replacement() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 5), ingest("b", 1, "ingest-bbbb1", 4)]).await.unwrap();
    publish(&store, &[ingest("a", 2, "ingest-aaaa2", 2)]).await.unwrap();
    let mut publication = store.publish().await.unwrap();
    publication.metric(metric("accuracy", "higher"));
    publication.commit().await.unwrap();
    let Some(counts) = said_by_python(COUNT, folder.path()) else {
        eprintln!("skipped: no python3 with the packages deltalake and pyarrow");
        return;
    };
    assert_eq!(counts, "runs 2\nresults 6\nscores 12\nsteps 18\nmetrics 1\n");
}
