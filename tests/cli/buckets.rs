//! Buckets by the command line: who asks, as the environment and AWS's files say it.

use super::server::{Asked, Reply, Server};
use super::{Project, made};

const LIST: &str = "<ListBucketResult><Contents><Key>in/app.env</Key><Size>9</Size></Contents></ListBucketResult>";

fn store(token: &str) -> Server {
    let line = format!("HF={token}\n");
    Server::start(move |asked: &Asked| match asked.path.contains("list-type=2") {
        true => Reply::new(200, LIST),
        false => Reply::new(200, line.clone()).header("ETag", "\"x\""),
    })
}

/// Runs with these variables and no others of AWS.
fn run(project: &Project, args: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = project.command(args);
    std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).for_each(|(name, _)| _ = command.env_remove(name));
    command.env("HOME", project.path()).env("USERPROFILE", project.path()).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn keys_come_from_the_environment_or_a_profile_and_nothing_of_them_is_printed() {
    let server = store(&made::token(51));
    let endpoint = format!("http://{}", server.host);
    let files = |keys: &str| {
        let credentials = format!("[dev]\naws_access_key_id = of-file\naws_secret_access_key = {keys}\n");
        Project::new().file(".aws/credentials", credentials).file(
            ".aws/config",
            format!(
                "[profile dev]\nregion = eu-south-2\nendpoint_url = {endpoint}\n[profile sso]\nsso_session = corp\n"
            ),
        )
    };
    let project = files("word-of-the-file");
    let own = [("AWS_ENDPOINT_URL_S3", &*endpoint), ("AWS_REGION", "ap-east-1"), ("AWS_ACCESS_KEY_ID", "of-env")];
    let own = [&own[..], &[("AWS_SECRET_ACCESS_KEY", "word-of-the-env")]].concat();
    /// Variables, and whose key asks; nobody's where there is none.
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
    let table: [Row; 3] = [
        (&own, Some("Credential=of-env/")),
        (&[("AWS_PROFILE", "dev")], Some("Credential=of-file/")),
        (&[("AWS_ENDPOINT_URL", &endpoint)], None),
    ];
    for (variables, expected) in table {
        let (code, out, err) = run(&project, "scan -f jsonl s3://logs/in/", variables);
        assert_eq!(code, 1, "{err}");
        assert!(out.contains("\"path\":\"s3://logs/in/app.env\"") && out.contains("\"bucket\":\"logs\""), "{out}");
        assert!(!format!("{out}{err}").contains("word-of-the"), "{out}{err}");
        let asked = server.asked();
        let used = asked.last().unwrap().header("authorization");
        assert_eq!(used.is_some(), expected.is_some());
        assert!(used.unwrap_or_default().contains(expected.unwrap_or_default()), "{used:?}");
        assert!(expected.is_none_or(|_| used.unwrap().contains("ap-east-1") || used.unwrap().contains("eu-south-2")));
    }
    let before = server.asked().len();
    let table: [(&[(&str, &str)], &str); 5] = [
        (&[("AWS_PROFILE", "sso"), ("AWS_ENDPOINT_URL", &endpoint)], "sso_session"),
        (&[("AWS_PROFILE", "gone")], "no profile gone"),
        (&[("AWS_ACCESS_KEY_ID", "half")], "one of them is missing"),
        (&[("AWS_ENDPOINT_URL", "store.example:9000")], "hint:"),
        (&[("AWS_REGION", "a/b")], "`a/b` is no region"),
    ];
    for (variables, expected) in table {
        let (code, _, err) = run(&project, "scan s3://logs", variables);
        assert!(code == 2 && err.contains(expected), "{variables:?}: {err}");
    }
    let (code, _, err) = run(&project, "scan --offline s3://logs", &own);
    assert!(code == 2 && err.contains("the network is forbidden"), "{err}");
    assert_eq!(server.asked().len(), before);
}
