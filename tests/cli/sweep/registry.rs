//! A real registry (docker-registry), where it is installed, with images that a test makes layer by layer.

use super::servers::free_port;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stopleak_core::http::{Answer, Http, Method, Request, Settings, Transport};
use stopleak_core::image::Digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that ends with the test.
pub struct Registry {
    process: Child,
    http: Http,
    log: PathBuf,
    pub host: String,
}

impl Registry {
    /// None where it is not installed, which is said.
    pub fn start(home: &Path) -> Option<Registry> {
        if Command::new("docker-registry").arg("--version").output().is_err() {
            eprintln!(
                "SKIPPED: docker-registry is not installed, so sweeps of images are not tested against a real one"
            );
            return None;
        }
        let host = format!("127.0.0.1:{}", free_port());
        let (log, file) = (home.join("registry.log"), home.join("registry.yml"));
        let settings = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: {host}}}\n",
            home.join("storage").display()
        );
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(file).stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null());
        let http = Http::new(Settings::default()).unwrap();
        let registry = Registry { process: command.spawn().unwrap(), http, log, host };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < deadline, "the registry does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(registry)
    }

    fn send(&self, method: Method, address: &str, kind: &str, body: &[u8]) -> Answer {
        let mut request = Request::new(method, address).header("Content-Type", kind);
        request.body = body.to_vec();
        let answer = self.http.send(&request).unwrap();
        assert!(answer.is_success(), "{method:?} {address}: {}", answer.status);
        answer
    }

    fn blob(&self, name: &str, bytes: &[u8]) -> String {
        let (kind, digest) = ("application/octet-stream", Digest::of(bytes).to_string());
        let begun = self.send(Method::Post, &format!("http://{}/v2/{name}/blobs/uploads/", self.host), kind, b"");
        let place = begun.header("location").unwrap().to_owned();
        self.send(Method::Put, &format!("{place}&digest={digest}"), kind, bytes);
        digest
    }

    /// Pushes an image of these layers, the lowest first; gives the digest of its manifest.
    pub fn push(&self, name: &str, tag: &str, layers: &[Vec<u8>]) -> String {
        let config = format!(r#"{{"os":"linux","architecture":"amd64","config":{{"Env":["TAG={tag}"]}}}}"#);
        let of = |bytes: &[u8], kind: &str| {
            let digest = self.blob(name, bytes);
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}}}"#, bytes.len())
        };
        let config = of(config.as_bytes(), "application/vnd.oci.image.config.v1+json");
        let layers: Vec<String> =
            layers.iter().map(|layer| of(layer, "application/vnd.oci.image.layer.v1.tar")).collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{}]}}"#,
            layers.join(",")
        );
        let address = format!("http://{}/v2/{name}/manifests/{tag}", self.host);
        self.send(Method::Put, &address, MANIFEST, manifest.as_bytes());
        Digest::of(manifest.as_bytes()).to_string()
    }

    /// Deletes a manifest, and with it the tags that name it.
    pub fn delete(&self, name: &str, digest: &str) {
        self.send(Method::Delete, &format!("http://{}/v2/{name}/manifests/{digest}", self.host), MANIFEST, b"");
    }

    /// What was asked for since the last time: `GET /v2/app/manifests/v1`, without uploads and pings.
    pub fn asked(&self) -> Vec<String> {
        // It is written a moment after the answer.
        std::thread::sleep(Duration::from_millis(100));
        let text = std::fs::read_to_string(&self.log).unwrap();
        std::fs::OpenOptions::new().write(true).open(&self.log).unwrap().set_len(0).unwrap();
        let request = |line: &str| {
            let words: Vec<&str> = line.split('"').nth(1)?.split(' ').collect();
            let is_read = matches!(words[0], "GET" | "HEAD") && words[1].matches('/').count() > 2;
            is_read.then(|| format!("{} {}", words[0], words[1].trim_start_matches('\0')))
        };
        text.lines().filter_map(request).collect()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
