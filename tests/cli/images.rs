//! Container images by the command line: targets, logins, and the network that stays off.

use super::Project;
use super::server::{Reply, Server};
use std::io::Write;

const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","config":{"Env":["PATH=/bin","HF=@"]}}"#;

fn digest(bytes: &[u8]) -> String {
    stopleak_core::image::Digest::of(bytes).to_string()
}

/// A configuration with a token, and a manifest of an image without layers.
fn image(token: &str) -> (String, String) {
    let config = CONFIG.replace('@', token);
    let (digest, size) = (digest(config.as_bytes()), config.len());
    let manifest = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}","size":{size}}},"layers":[]}}"#);
    (config, manifest)
}

fn registry(token: &str, authorization: Option<&'static str>) -> Server {
    let (config, manifest) = image(token);
    Server::start(move |asked| match () {
        () if asked.header("authorization") != authorization => {
            Reply::new(401, "").header("Www-Authenticate", "Basic realm=\"r\"")
        }
        () if asked.path == "/v2/" => Reply::new(200, "{}"),
        () if asked.path.ends_with("/manifests/v1") => Reply::new(200, manifest.clone()),
        () if asked.path.ends_with(&digest(config.as_bytes())) => Reply::new(200, config.clone()),
        () => Reply::new(404, ""),
    })
}

#[test]
fn an_image_of_a_registry_is_scanned_and_its_place_is_told() {
    let token = super::made::token(41);
    let server = registry(&token, None);
    let project = Project::new();
    let run = project.run(&format!("scan -f jsonl docker://{}/team/app:v1", server.host));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let found = &run.lines("finding")[0];
    let short = &digest(image(&token).0.as_bytes())[..19];
    assert_eq!(found["path"], format!("{}/team/app:v1!{short}!config.Env", server.host));
    assert_eq!(found["image"]["name"], format!("{}/team/app:v1", server.host));
    assert_eq!(found["line"], 2);
    let text = project.run(&format!("scan docker://{}/team/app:v1", server.host));
    assert!(text.stdout.contains("image configuration"), "{}", text.stdout);
    let sarif = project.run(&format!("scan -f sarif docker://{}/team/app:v1", server.host));
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    let uri = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().unwrap().contains("/team/app%3Av1!sha256%3A"), "{uri}");
}

#[test]
fn offline_means_offline_and_a_missing_image_is_an_error() {
    let server = registry("x", None);
    let project = Project::new();
    let run = project.run(&format!("scan --offline docker://{}/team/app:v1", server.host));
    assert_eq!((run.code, server.asked().len()), (2, 0), "{}", run.stderr);
    assert!(run.stderr.contains("the network is forbidden"), "{}", run.stderr);
    let run = project.run(&format!("scan docker://{}/team/app:v2", server.host));
    assert!(run.code == 2 && run.stderr.contains("404") && run.stderr.contains("hint:"), "{}", run.stderr);
    let run = project.run("scan oci:nowhere:v1");
    assert!(run.code == 2 && run.stderr.contains("oci:nowhere:v1"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn logins_come_from_dockers_own_settings_and_helpers() {
    use std::os::unix::fs::PermissionsExt;
    // ann:pw
    let token = super::made::token(42);
    let server = registry(&token, Some("Basic YW5uOnB3"));
    let project = Project::new();
    let helper = project.path().join("bin/docker-credential-own");
    std::fs::create_dir_all(helper.parent().unwrap()).unwrap();
    let mut file = std::fs::File::create(&helper).unwrap();
    let script = format!(
        "#!/bin/sh\nread host\n[ \"$1 $host\" = 'get {}' ] && printf '{{\"ServerURL\":\"x\",\"Username\":\"ann\",\"Secret\":\"pw\"}}'\n",
        server.host
    );
    file.write_all(script.as_bytes()).unwrap();
    drop(file);
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", helper.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let stored = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"YW5uOnB3\"}}}}}}", server.host);
    let helped = format!("{{\"credHelpers\":{{\"{}\":\"own\"}}}}", server.host);
    for (config, expected) in [(stored.as_str(), 1), (&helped, 1), ("{\"credsStore\":\"own\"}", 1), ("{}", 2)] {
        let project = Project::new().file("docker/config.json", config);
        let mut command = project.command(&format!("scan docker://{}/team/app:v1", server.host));
        command.env("PATH", &path).env("DOCKER_CONFIG", project.path().join("docker"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{config}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
