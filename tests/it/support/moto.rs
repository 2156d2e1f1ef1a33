//! A second server that speaks S3, written by others: moto (PyPI), where it is installed.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use super::s3::{BUCKET, environment_of};

const SERVE: &str = r#"
import os, sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%s" % server.get_host_and_port()
client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x",
                      aws_secret_access_key="y")
client.create_bucket(Bucket=sys.argv[1])
print(endpoint, flush=True)
for line in sys.stdin:
    folder, prefix = line.rstrip("\n").split("\t")
    for place, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(place, file)
            client.upload_file(path, sys.argv[1], prefix + "/" + os.path.relpath(path, folder))
    print("put", flush=True)
server.stop()
"#;

/// A running server with one empty bucket; it ends with its value.
pub struct Moto {
    process: Child,
    /// `None` when it ends.
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    endpoint: String,
}

impl Moto {
    /// Starts it; `None` when it is not installed. `RUNQ_TEST_PYTHON` names the interpreter.
    pub fn start() -> Option<Self> {
        let python = std::env::var("RUNQ_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
        let installed = Command::new(&python).args(["-c", "import moto.server, boto3"]).output();
        if !installed.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let mut process = Command::new(&python)
            .args(["-c", SERVE, BUCKET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python runs");
        let mut endpoint = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("its output is piped"));
        output.read_line(&mut endpoint).expect("it says where it is");
        let input = process.stdin.take().expect("its input is piped");
        assert!(endpoint.starts_with("http://127.0.0.1:"), "moto did not start: {endpoint}");
        let pipes = Mutex::new(Some((input, output)));
        Some(Self { process, pipes, endpoint: endpoint.trim().to_owned() })
    }

    /// Puts the files of a folder into the bucket, under a prefix, with Amazon's own library.
    pub fn put_folder(&self, folder: &Path, prefix: &str) {
        let mut pipes = self.pipes.lock().expect("no test has panicked with it");
        let (input, output) = pipes.as_mut().expect("it runs");
        writeln!(input, "{}\t{prefix}", folder.display()).expect("it listens");
        let mut said = String::new();
        output.read_line(&mut said).expect("it says when it is done");
        assert_eq!(said.trim(), "put");
    }

    /// The variables that reach the server.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        environment_of(self.endpoint.clone())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.pipes.get_mut().ok().and_then(Option::take));
        let _ = self.process.wait();
    }
}
