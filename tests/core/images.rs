//! Container images: layouts made by hand, a registry made by hand, and real tools where they are installed.

pub mod made;
mod real;
mod registry;

use made::{Made, Packing, docker_archive, folder, gzipped, layer, tarball};
use std::path::Path;
use std::sync::Arc;
use stopleak_core::archive::Limits;
use stopleak_core::http::Transport;
use stopleak_core::image::Credentials;
use stopleak_core::scan::{Images, Outcome, Request, ScanError, Target, scan};
use stopleak_core::{Fate, Finding, Gate, Origin, Policy};
use tempfile::TempDir;

fn request(target: Target) -> Request {
    Request { threads: 2, ..Request::new(vec![target]) }
}

fn named(prefix: &str, path: &Path) -> Target {
    Target::image(&format!("{prefix}{}", path.display())).expect("the prefix is known")
}

/// Scans an image of a registry on loopback.
fn pull(name: &str, transport: Arc<dyn Transport + Send>, credentials: Credentials) -> Result<Outcome, ScanError> {
    let mut request = request(Target::image(&format!("docker://{name}")).expect("the prefix is known"));
    request.images = Images { transport: Some(transport), credentials, ..Images::default() };
    scan(&request)
}

/// Path, fate and step of every place of one secret; the image and the digest of its part are left out of the path.
fn places(findings: &[Finding], secret: &str) -> Vec<(String, Option<Fate>)> {
    let of = findings.iter().filter(|finding| finding.secret.expose() == secret.as_bytes());
    let places = of.flat_map(|finding| &finding.occurrences).map(|place| {
        let fate = match place.origin.outermost() {
            Origin::Layer { fate, .. } => Some(*fate),
            _ => None,
        };
        (place.origin.inner_path().unwrap_or_default().to_owned(), fate)
    });
    places.collect()
}

fn seen(outcome: &Outcome, secret: &str) -> Vec<(String, Option<Fate>)> {
    places(&outcome.findings, secret)
}

fn unscanned(outcome: &Outcome) -> Vec<&'static str> {
    outcome.summary.warnings.iter().filter(|warning| warning.unscanned).map(|warning| warning.code).collect()
}

fn one(path: &str, fate: Option<Fate>) -> Vec<(String, Option<Fate>)> {
    vec![(path.to_owned(), fate)]
}

/// An image with a secret in every place that images have.
struct Leaky {
    made: Made,
    kept: String,
    overwritten: String,
    deleted: String,
    hidden: String,
    in_jar: String,
    env: String,
    label: String,
    built: String,
}

fn leaky(packing: Packing) -> Leaky {
    let [kept, overwritten, deleted, hidden, in_jar, env, label, built] =
        [1, 2, 3, 4, 5, 6, 7, 8].map(crate::made::token);
    let jar = crate::archives::zip_stored(&[("app.properties", format!("t={in_jar}\n").as_bytes())]);
    let first = layer(&[
        ("etc/", b""),
        ("etc/kept.env", format!("A={kept}\n").as_bytes()),
        ("etc/over.env", format!("A={overwritten}\n").as_bytes()),
        ("etc/gone.env", format!("A={deleted}\n").as_bytes()),
        ("opt/data/deep/x.env", format!("A={hidden}\n").as_bytes()),
        ("opt/app.jar", &jar),
    ]);
    let second = layer(&[("etc/", b""), ("etc/over.env", b"A=\n"), ("opt/", b""), ("opt/data/.wh..wh..opq", b"")]);
    let third = layer(&[("etc/.wh.gone.env", b"")]);
    let mut made = Made::default();
    let layers = [first, second, third].map(|tar| made.layer(&tar, packing));
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["PATH=/bin","HF={env}"],"Labels":{{"token":"{label}"}}}},
        "rootfs":{{"type":"layers","diff_ids":[{}]}},"history":[{{"created_by":"COPY . /"}},
        {{"created_by":"ENV HF={env}","empty_layer":true}},
        {{"created_by":"RUN |1 TOKEN={built} /bin/sh -c make install"}},{{"created_by":"/bin/sh -c rm /etc/gone.env"}}]}}"#,
        layers.iter().map(|layer| format!("\"{}\"", layer.diff_id)).collect::<Vec<_>>().join(",")
    );
    made.image(&config, &layers, "amd64");
    Leaky { made, kept, overwritten, deleted, hidden, in_jar, env, label, built }
}

fn assert_all_found(leaky: &Leaky, outcome: &Outcome, what: &str) {
    let check = |secret: &str, expected: &[(String, Option<Fate>)]| {
        assert_eq!(seen(outcome, secret), expected, "{what}");
    };
    check(&leaky.kept, &one("etc/kept.env", Some(Fate::Kept)));
    check(&leaky.overwritten, &one("etc/over.env", Some(Fate::Overwritten)));
    check(&leaky.deleted, &one("etc/gone.env", Some(Fate::Deleted)));
    check(&leaky.hidden, &one("opt/data/deep/x.env", Some(Fate::Deleted)));
    check(&leaky.in_jar, &one("opt/app.jar!app.properties", Some(Fate::Kept)));
    check(&leaky.env, &[("config.Env".into(), None), ("history".into(), None)]);
    check(&leaky.label, &one("config.Labels", None));
    check(&leaky.built, &one("history", None));
    assert_eq!(unscanned(outcome), [""; 0], "{what}: {:?}", outcome.summary.warnings);
}

#[test]
fn every_layout_and_compression_gives_every_secret_with_its_fate() {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let leaky = leaky(packing);
        let home = TempDir::new().unwrap();
        let (oci, tar, docker) = (home.path().join("img"), home.path().join("oci.tar"), home.path().join("docker.tar"));
        folder(&leaky.made, &oci);
        std::fs::write(&tar, tarball(&leaky.made)).unwrap();
        let saved = docker_archive(&leaky.made, "team/app:v1");
        std::fs::write(&docker, &saved).unwrap();
        let packed = home.path().join("docker.tar.gz");
        std::fs::write(&packed, gzipped(&saved)).unwrap();
        let targets = [
            named("oci:", &oci),
            named("oci-archive:", &tar),
            named("docker-archive:", &docker),
            named("docker-archive:", &packed),
            Target::Path(oci.clone()),
            Target::Path(tar.clone()),
            Target::Path(docker.clone()),
            Target::Path(packed.clone()),
        ];
        for target in targets {
            for threads in [1, 3] {
                let mut request = request(target.clone());
                request.threads = threads;
                let outcome = scan(&request).unwrap();
                assert_all_found(&leaky, &outcome, &format!("{target:?} with {packing:?} layers"));
            }
        }
    }
}

#[test]
fn a_place_names_image_layer_step_and_path_and_a_step_shows_no_secret() {
    let leaky = leaky(Packing::Gzip);
    let home = TempDir::new().unwrap();
    let path = home.path().join("app.tar");
    std::fs::write(&path, docker_archive(&leaky.made, "team/app:v1")).unwrap();
    let outcome = scan(&request(named("docker-archive:", &path))).unwrap();
    let place = |secret: &str| {
        let finding = outcome.findings.iter().find(|finding| finding.secret.expose() == secret.as_bytes()).unwrap();
        finding.occurrences[0].clone()
    };
    let Origin::Layer { image, digest, step, path, fate } = place(&leaky.deleted).origin else { panic!("no layer") };
    let expected = &leaky.made.images[0].layers[0].diff_id;
    assert_eq!((&*image, &*digest, step.as_deref()), ("team/app:v1", expected.as_str(), Some("COPY . /")));
    assert_eq!(path, format!("team/app:v1!{}!etc/gone.env", &expected[..19]));
    assert_eq!(fate, Fate::Deleted);
    assert_eq!(
        place(&leaky.deleted).origin.to_string(),
        format!("image team/app:v1 layer {expected} deleted etc/gone.env")
    );
    assert_eq!(place(&leaky.env).position.line, 2);
    // The second layer's step holds the build argument.
    let mut request = request(named("docker-archive:", &home.path().join("app.tar")));
    request.policy = Policy::default().with_gate(Gate { confidence: 0.0, ..Gate::default() });
    let shown = format!("{:?}", scan(&request).unwrap().findings.iter().map(|f| &f.occurrences).collect::<Vec<_>>());
    assert!(!shown.contains(&leaky.built), "{shown}");
}

#[test]
fn a_layer_of_several_images_is_scanned_once_and_placed_in_each() {
    let token = crate::made::token(11);
    let mut made = Made::default();
    let shared = made.layer(&layer(&[("a.env", format!("A={token}\n").as_bytes())]), Packing::Gzip);
    let second = made.layer(&layer(&[("b.env", b"B=1\n")]), Packing::Gzip);
    made.image("{\"os\":\"linux\",\"architecture\":\"amd64\"}", std::slice::from_ref(&shared), "amd64");
    made.image("{\"os\":\"linux\",\"architecture\":\"arm64\"}", &[shared, second], "arm64");
    made.tags = vec!["v1".into(), "v2".into()];
    let home = TempDir::new().unwrap();
    let (one, two) = (home.path().join("one"), home.path().join("two"));
    folder(&made, &one);
    folder(&made, &two);
    let mut request = request(named("oci:", &one));
    request.targets.push(named("oci:", &two));
    let outcome = scan(&request).unwrap();
    let paths: Vec<String> =
        outcome.findings[0].occurrences.iter().map(|o| o.origin.path().unwrap().to_owned()).collect();
    let short = &made.images[0].layers[0].digest[..19];
    let expected = ["one:v1", "one:v2", "two:v1", "two:v2"].map(|image| format!("{image}!{short}!a.env"));
    assert_eq!(paths, expected);
    // Two files, and for each of two images a section of its configuration and its notes.
    assert_eq!(outcome.summary.blobs, 6);
}

#[test]
fn damage_is_announced_and_the_rest_is_scanned() {
    let token = crate::made::token(12);
    let home = TempDir::new().unwrap();
    let build = |home: &Path, spoil: &dyn Fn(&Path, &Made)| -> Outcome {
        let mut made = Made::default();
        let other = made.layer(&layer(&[("b.env", b"B=1\n")]), Packing::Plain);
        let first = made.layer(&layer(&[("a.env", format!("A={token}\n").as_bytes())]), Packing::Plain);
        made.image("{\"os\":\"linux\",\"architecture\":\"amd64\"}", &[other, first], "amd64");
        folder(&made, home);
        spoil(home, &made);
        scan(&request(named("oci:", home))).unwrap()
    };
    let blob = |home: &Path, digest: &str| home.join("blobs/sha256").join(&digest[7..]);
    let changed = build(&home.path().join("a"), &|home, made| {
        let file = blob(home, &made.images[0].layers[0].digest);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[512] = b'C';
        std::fs::write(file, bytes).unwrap();
    });
    assert_eq!((unscanned(&changed), changed.findings.len()), (vec!["image-digest"], 1));
    let cut = build(&home.path().join("b"), &|home, made| {
        let file = blob(home, &made.images[0].layers[0].digest);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(file, &bytes[..700]).unwrap();
    });
    assert!(unscanned(&cut).contains(&"image-digest") && cut.findings.len() == 1, "{:?}", cut.summary.warnings);
    let missing = build(&home.path().join("c"), &|home, made| {
        std::fs::remove_file(blob(home, &made.images[0].layers[0].digest)).unwrap();
    });
    assert_eq!((unscanned(&missing), missing.findings.len()), (vec!["image-layer"], 1));
    let no_config = build(&home.path().join("d"), &|home, made| {
        std::fs::write(blob(home, &made.images[0].config), b"{}").unwrap();
    });
    assert_eq!((unscanned(&no_config), no_config.findings.len()), (vec!["image-config"], 1));
}

#[test]
fn one_platform_or_all_are_scanned() {
    let (intel, arm) = (crate::made::token(13), crate::made::token(14));
    let mut made = Made::default();
    for (token, architecture) in [(&intel, "amd64"), (&arm, "arm64")] {
        let layer = made.layer(&layer(&[("a.env", format!("A={token}\n").as_bytes())]), Packing::Gzip);
        made.image(&format!("{{\"os\":\"linux\",\"architecture\":\"{architecture}\"}}"), &[layer], architecture);
    }
    made.with_index();
    let home = TempDir::new().unwrap();
    let path = home.path().join("img");
    folder(&made, &path);
    let found = |platform: Option<&str>| {
        let mut request = request(named("oci:", &path));
        request.images.platform = platform.map(|text| text.parse().unwrap());
        scan(&request).map(|outcome| [&intel, &arm].map(|token| !seen(&outcome, token).is_empty()))
    };
    assert_eq!(found(None).unwrap(), [true, true]);
    assert_eq!(found(Some("linux/arm64")).unwrap(), [false, true]);
    let error = found(Some("windows/amd64")).unwrap_err().to_string();
    assert!(error.contains("no image for windows/amd64") && error.contains("linux/amd64, linux/arm64"), "{error}");
    let tagged = Target::image(&format!("oci:{}:nope", path.display())).unwrap();
    let error = scan(&request(tagged)).unwrap_err().to_string();
    assert!(error.contains("no image tagged nope") && error.contains("latest"), "{error}");
}

#[test]
fn what_is_beside_the_images_of_a_layout_is_scanned_when_it_is_named_as_a_file() {
    let token = crate::made::token(15);
    let mut made = Made::default();
    let layer = made.layer(&layer(&[("b.env", b"B=1\n")]), Packing::Gzip);
    made.image("{\"os\":\"linux\",\"architecture\":\"amd64\"}", &[layer], "amd64");
    // What `umoci` leaves until it is told to collect it.
    made.blob(format!("{{\"Env\":[\"HF={token}\"]}}").into_bytes());
    let home = TempDir::new().unwrap();
    let (path, tar) = (home.path().join("img"), home.path().join("img.tar"));
    folder(&made, &path);
    std::fs::write(&tar, tarball(&made)).unwrap();
    for (target, expected) in [
        (Target::Path(path.clone()), 1),
        (named("oci:", &path), 0),
        (Target::Path(tar.clone()), 1),
        (named("oci-archive:", &tar), 0),
    ] {
        assert_eq!(scan(&request(target.clone())).unwrap().findings.len(), expected, "{target:?}");
    }
}

#[test]
fn a_layer_that_explodes_ends_at_its_limit_and_says_so() {
    let mut made = Made::default();
    let zeros = vec![0; 80 << 20];
    let bomb = made.layer(&layer(&[("zeros", &zeros)]), Packing::Gzip);
    made.image("{\"os\":\"linux\",\"architecture\":\"amd64\"}", &[bomb], "amd64");
    let home = TempDir::new().unwrap();
    folder(&made, &home.path().join("img"));
    let mut request = request(named("oci:", &home.path().join("img")));
    request.archives = Some(Limits { max_bytes: 70 << 20, ..Limits::default() });
    let outcome = scan(&request).unwrap();
    assert!(unscanned(&outcome).contains(&"archive-limit"), "{:?}", outcome.summary.warnings);
}

#[test]
fn what_is_no_image_is_an_error_with_its_name() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("x.tar");
    std::fs::write(&file, crate::archives::tar(&[("a", b"b")])).unwrap();
    let table = [
        (named("oci:", home.path()), "not a folder with an OCI layout"),
        (named("docker-archive:", &file), "not a tarball of an image"),
        (named("docker-archive:", &home.path().join("gone.tar")), "cannot read"),
        (Target::image("docker://alpine").unwrap(), "the network is forbidden"),
        (Target::image("docker://user:pw@a.example/x").unwrap(), "no image reference"),
    ];
    for (target, expected) in table {
        let error = scan(&request(target.clone())).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("pw@a.example: "), "{target:?}: {error}");
    }
    // A tar that is no image stays an archive: itself and its member.
    assert_eq!(scan(&request(Target::Path(file))).unwrap().summary.blobs, 2);
}
