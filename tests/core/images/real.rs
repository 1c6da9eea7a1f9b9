//! A real registry (docker-registry) with images made by umoci and pushed by skopeo, where these are installed.

use super::{one, pull, seen, unscanned};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stopleak_core::Fate;
use stopleak_core::http::{Http, Settings};
use stopleak_core::image::Credentials;
use tempfile::TempDir;

/// A registry that ends with the test.
struct Registry {
    process: Child,
    host: String,
}

impl Registry {
    /// With a password, it is asked of everybody: `ann` and `pw`.
    fn start(home: &Path, with_password: bool) -> Registry {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let storage = home.join(format!("storage-{port}"));
        let mut settings = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {host}}}\n",
            storage.display()
        );
        if with_password {
            let file = home.join("htpasswd");
            fs::write(&file, format!("ann:{}\n", HASH.concat())).unwrap();
            settings.push_str(&format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", file.display()));
        }
        let file = home.join(format!("registry-{port}.yml"));
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Registry { process: command.spawn().unwrap(), host };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < deadline, "the registry does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `pw`, as htpasswd hashes it: bcrypt of cost 5. In parts: it must not look like a secret.
const HASH: [&str; 3] = ["$2y$05$", "xdFxrKdJOlxkQbmemFdQBu", "MVCg9h9ZFMUsgTUqvdpJkRCqTULkxD."];

fn run(program: &str, home: &Path, words: &[&str]) {
    let output = Command::new(program).args(words).current_dir(home).env("HOME", home).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_installed() -> bool {
    let missing: Vec<&str> = ["docker-registry", "skopeo", "umoci"]
        .into_iter()
        .filter(|program| Command::new(program).arg("--version").output().is_err())
        .collect();
    if !missing.is_empty() {
        eprintln!("SKIPPED: {} not installed, so images are not tested against a real registry", missing.join(", "));
    }
    missing.is_empty()
}

#[test]
fn images_of_a_real_registry_give_every_secret() {
    if !is_installed() {
        return;
    }
    let home = TempDir::new().unwrap();
    let path = home.path();
    let [kept, overwritten, deleted, env] = [31, 32, 33, 34].map(crate::made::token);
    fs::create_dir_all(path.join("root/etc")).unwrap();
    for (name, token) in [("kept", &kept), ("over", &overwritten), ("gone", &deleted)] {
        fs::write(path.join(format!("root/etc/{name}.env")), format!("A={token}\n")).unwrap();
    }
    fs::write(path.join("clean.env"), "A=\n").unwrap();
    run("umoci", path, &["init", "--layout", "img"]);
    run("umoci", path, &["new", "--image", "img:v1"]);
    run("umoci", path, &["insert", "--rootless", "--image", "img:v1", "root", "/"]);
    run("umoci", path, &["insert", "--rootless", "--image", "img:v1", "clean.env", "/etc/over.env"]);
    run("umoci", path, &["insert", "--rootless", "--image", "img:v1", "--whiteout", "/etc/gone.env"]);
    run("umoci", path, &["config", "--image", "img:v1", "--config.env", &format!("HF={env}")]);
    let open = Registry::start(path, false);
    let locked = Registry::start(path, true);
    let to = |registry: &Registry, name: &str, more: &[&str]| {
        let target = format!("docker://{}/team/{name}:v1", registry.host);
        let common = ["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"];
        run("skopeo", path, &[&common, more, &["oci:img:v1", &target]].concat());
        format!("{}/team/{name}:v1", registry.host)
    };
    let zstd = ["--dest-compress", "--dest-compress-format", "zstd"];
    let names = [
        // First, while the registry has no blob that could be used in place of a compression.
        (to(&open, "zstd", &zstd), Credentials::default()),
        (to(&open, "oci", &[]), Credentials::default()),
        (to(&open, "docker", &["--format", "v2s2"]), Credentials::default()),
        (to(&locked, "locked", &["--dest-creds", "ann:pw"]), {
            let file = path.join("config.json");
            let auth = STANDARD.encode("ann:pw");
            fs::write(&file, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", locked.host)).unwrap();
            Credentials { file: Some(file), ..Credentials::default() }
        }),
    ];
    let http = Arc::new(Http::new(Settings::default()).unwrap());
    for (name, credentials) in names {
        let outcome = pull(&name, http.clone(), credentials).unwrap();
        assert_eq!(unscanned(&outcome), [""; 0], "{name}: {:?}", outcome.summary.warnings);
        assert_eq!(seen(&outcome, &kept), one("etc/kept.env", Some(Fate::Kept)), "{name}");
        assert_eq!(seen(&outcome, &overwritten), one("etc/over.env", Some(Fate::Overwritten)), "{name}");
        assert_eq!(seen(&outcome, &deleted), one("etc/gone.env", Some(Fate::Deleted)), "{name}");
        assert_eq!(seen(&outcome, &env), one("config.Env", None), "{name}");
    }
    let refused = pull(&format!("{}/team/locked:v1", locked.host), http.clone(), Credentials::default()).unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    index(path, &open, &kept, http);
}

/// Two platforms behind one name: skopeo copies an index whole.
fn index(path: &Path, registry: &Registry, token: &str, http: Arc<Http>) {
    let index = fs::read_to_string(path.join("img/index.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&index).unwrap();
    let mut manifest = value["manifests"][0].clone();
    manifest.as_object_mut().unwrap().remove("annotations");
    manifest["platform"] = serde_json::json!({"os": "linux", "architecture": "arm64"});
    let inner = serde_json::json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]});
    let bytes = inner.to_string().into_bytes();
    let digest = stopleak_core::image::Digest::of(&bytes);
    fs::write(path.join("img/blobs/sha256").join(digest.parts().1), &bytes).unwrap();
    let outer = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest.as_str(), "size": bytes.len(),
        "annotations": {"org.opencontainers.image.ref.name": "many"}
    }]});
    fs::write(path.join("img/index.json"), outer.to_string()).unwrap();
    let name = format!("{}/team/many:v1", registry.host);
    let words = ["copy", "--all", "--quiet", "--insecure-policy", "--dest-tls-verify=false", "oci:img:many"];
    run("skopeo", path, &[&words[..], &[&format!("docker://{name}")]].concat());
    let outcome = pull(&name, http, Credentials::default()).unwrap();
    assert_eq!(seen(&outcome, token), one("etc/kept.env", Some(Fate::Kept)));
}
