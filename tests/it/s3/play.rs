use crate::support::{fixture, s3::S3Server};
#[test]
#[ignore]
fn play() {
    let server = S3Server::start();
    for tool in ["agentv", "amx", "honeyhive", "import/table"] { server.put_folder(&fixture(tool), &format!("fix/{tool}")); }
    std::fs::write("/tmp/wt/w-src-play.env", format!("export AWS_ENDPOINT_URL={} AWS_ALLOW_HTTP=true AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIDRUNQTESTS AWS_SECRET_ACCESS_KEY=s3cr3t/Of+The+Tests= BUCKET_DIR={}\n", server.endpoint(), server.folder.path().join("team-runs").display())).unwrap();
    while std::path::Path::new("/tmp/wt/w-src-play.env").exists() { std::thread::sleep(std::time::Duration::from_millis(300)); }
}
