//! Every origin is printed in one way: for people, as a path, and as an address that leads back to the path.

use crate::made::{finding, place};
use stopleak_core::report::{Json, Record, Report, Sarif, Secrets, Summary, read};
use stopleak_core::{Fate, Introduction, ObjectId, Origin};

fn introduced() -> Introduction {
    Introduction { commit: ObjectId([0xab; 20]), author: "Ann <ann@example.com>".into(), time: 1_709_296_200 }
}

fn layer(fate: Fate) -> Origin {
    let (image, digest) = ("registry.example:5000/team/app:v1", format!("sha256:{}", "0a".repeat(32)));
    let path = format!("{image}!sha256:0a0a0a0a0a0a!opt/my app.jar");
    Origin::Layer { image: image.into(), digest: (*digest).into(), step: None, path, fate }
}

/// Each origin, with what `Display`, the path, SARIF's address, its base and the chain of the text report are.
fn table() -> Vec<(Origin, [&'static str; 3], bool, Vec<&'static str>)> {
    let file = |path: &str| Origin::File { path: path.into() };
    let id = ObjectId([0xcd; 20]);
    let commit = "abababababababababababababababababababab";
    assert_eq!(introduced().commit.to_string(), commit);
    let blob = |path: Option<&str>| Origin::GitBlob {
        id,
        path: path.map(str::to_owned),
        introduced: path.map(|_| introduced()),
    };
    let config = Origin::ImageConfig {
        image: "app.tar".into(),
        digest: format!("sha256:{}", "0b".repeat(32)).as_str().into(),
        path: "app.tar!sha256:0b0b0b0b0b0b!config.Env".into(),
    };
    let row = |origin, texts, below, chain: &[&'static str]| (origin, texts, below, chain.to_vec());
    vec![
        row(file("src/a.env"), ["file src/a.env", "src/a.env", "src/a.env"], true, &["src/a.env"]),
        row(
            file("a b/ü#?%[1].txt"),
            ["file a b/ü#?%[1].txt", "a b/ü#?%[1].txt", "a%20b/%C3%BC%23%3F%25%5B1%5D.txt"],
            true,
            &["a b/ü#?%[1].txt"],
        ),
        row(file("wow!/a\\b"), ["file wow!/a\\b", "wow!/a\\b", "wow!/a%5Cb"], true, &["wow!/a\\b"]),
        row(file("c:x"), ["file c:x", "c:x", "c%3Ax"], true, &["c:x"]),
        row(
            file("C:/Users/a b"),
            ["file C:/Users/a b", "C:/Users/a b", "file:///C:/Users/a%20b"],
            false,
            &["C:/Users/a b"],
        ),
        row(file("/etc/x y"), ["file /etc/x y", "/etc/x y", "file:///etc/x%20y"], false, &["/etc/x y"]),
        row(Origin::Staged { path: "a.env".into() }, ["staged a.env", "a.env", "a.env"], true, &["a.env"]),
        row(
            blob(Some("old.env")),
            ["commit abababababababababababababababababababab old.env", "old.env", "old.env"],
            true,
            &["old.env"],
        ),
        row(
            blob(None),
            [
                "unreachable blob cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
                "",
                "git-blob/cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            ],
            false,
            &[],
        ),
        row(
            Origin::GitMessage { kind: "tag", introduced: introduced() },
            [
                "tag message abababababababababababababababababababab",
                "",
                "git-tag-message/abababababababababababababababababababab",
            ],
            false,
            &[],
        ),
        row(
            Origin::entry(layer(Fate::Deleted), "BOOT-INF/x.properties"),
            [
                "image registry.example:5000/team/app:v1 layer sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a deleted opt/my app.jar!BOOT-INF/x.properties",
                "registry.example:5000/team/app:v1!sha256:0a0a0a0a0a0a!opt/my app.jar!BOOT-INF/x.properties",
                "registry.example%3A5000/team/app%3Av1!sha256%3A0a0a0a0a0a0a!opt/my%20app.jar!BOOT-INF/x.properties",
            ],
            true,
            &["registry.example:5000/team/app:v1", "sha256:0a0a0a0a0a0a", "opt/my app.jar", "BOOT-INF/x.properties"],
        ),
        row(
            config,
            [
                "image app.tar configuration sha256:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b config.Env",
                "app.tar!sha256:0b0b0b0b0b0b!config.Env",
                "app.tar!sha256%3A0b0b0b0b0b0b!config.Env",
            ],
            true,
            &["app.tar", "sha256:0b0b0b0b0b0b", "config.Env"],
        ),
        row(
            Origin::object("logs", "/a//b c+ü.gz", Some("3/L4")),
            [
                "version 3/L4 of object s3://logs//a//b c+ü.gz",
                "s3://logs//a//b c+ü.gz",
                "s3://logs//a//b%20c+%C3%BC.gz",
            ],
            false,
            &["s3://logs//a//b c+ü.gz"],
        ),
        row(
            Origin::entry(Origin::object("logs", "x.zip", None), "y:z"),
            ["object s3://logs/x.zip!y:z", "s3://logs/x.zip!y:z", "s3://logs/x.zip!y%3Az"],
            false,
            &["s3://logs/x.zip", "y:z"],
        ),
        row(Origin::Stdin, ["standard input", "", "standard-input"], false, &[]),
        row(
            Origin::entry(Origin::Stdin, "a.jar!b c"),
            ["standard input -!a.jar!b c", "-!a.jar!b c", "-!a.jar!b%20c"],
            false,
            &["-", "a.jar", "b c"],
        ),
        row(
            Origin::entry(blob(None), "x"),
            [
                "unreachable blob cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd!x",
                "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd!x",
                "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd!x",
            ],
            false,
            &["cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", "x"],
        ),
        row(
            Origin::entry(file("my.zip"), "..\\up!a.tar!über"),
            ["file my.zip!..\\up!a.tar!über", "my.zip!..\\up!a.tar!über", "my.zip!..%5Cup!a.tar!%C3%BCber"],
            true,
            &["my.zip", "..\\up", "a.tar", "über"],
        ),
    ]
}

/// A URI or relative reference of RFC 3986, without a query and a fragment.
fn is_reference(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains('/'));
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let bytes = text.as_bytes();
    let is_byte = |at: usize| match bytes[at] {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte),
    };
    scheme.is_none_or(|scheme| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme))
        && (0..bytes.len()).all(is_byte)
        && !text.is_empty()
}

/// The path that an address names.
fn path_of(uri: &str) -> String {
    let rest = match uri.strip_prefix("file://") {
        Some(local) if local.as_bytes().get(2) == Some(&b':') => &local[1..],
        Some(local) => local,
        None => uri,
    };
    let mut out = Vec::new();
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'%' => u8::from_str_radix(&String::from_utf8(bytes.by_ref().take(2).collect()).unwrap(), 16).unwrap(),
            plain => plain,
        };
        out.push(decoded);
    }
    String::from_utf8(out).unwrap()
}

fn written<'b>(buffer: &'b mut Vec<u8>, report: impl FnOnce(&'b mut Vec<u8>) -> Box<dyn Report + 'b>, origin: &Origin) {
    let mut report = report(buffer);
    report.record(&Record::new(&finding(1, vec![place(origin.clone(), 3, 7)]), Secrets::Redacted)).unwrap();
    report.finish(&Summary::default()).unwrap();
}

#[test]
fn every_origin_prints_and_serialises_in_one_way() {
    for (origin, [printed, path, uri], below, chain) in table() {
        assert_eq!(origin.to_string(), printed);
        assert_eq!(origin.path().unwrap_or_default(), path);
        assert_eq!(origin.chain(), chain, "{printed}");
        let mut json = Vec::new();
        written(&mut json, |out| Box::new(Json::new(out)), &origin);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let told = &json["findings"][0]["occurrences"][0];
        assert_eq!((&told["origin"], told["path"].as_str()), (&printed.into(), origin.path()));
        let saved = read(&json.to_string(), Secrets::Redacted).unwrap();
        let record = Record::new(&finding(1, vec![place(origin.clone(), 3, 7)]), Secrets::Redacted);
        assert_eq!(saved.records[0].places, record.places, "what is read back is the same");
        let mut sarif = Vec::new();
        written(&mut sarif, |out| Box::new(Sarif::new(out)), &origin);
        let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
        let artifact = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(
            (artifact["uri"].as_str(), artifact["uriBaseId"].as_str()),
            (Some(uri), below.then_some("%SRCROOT%"))
        );
        assert!(is_reference(uri), "{uri}");
        if origin.path().is_some() {
            assert_eq!(path_of(uri), path);
        }
    }
}
