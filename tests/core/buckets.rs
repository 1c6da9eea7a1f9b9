//! Buckets: a store made by hand that pages, fails and moves, and a real one where it is installed.

#[cfg(unix)]
mod real;

use crate::server::{Asked, Reply, Server};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stopleak_core::bucket::{Access, Keys};
use stopleak_core::http::{Http, Settings};
use stopleak_core::scan::{Buckets, History, Outcome, Request, ScanError, Target, scan};
use stopleak_core::{Origin, Secret};

/// Keys that are none.
fn keys(token: Option<&str>) -> Keys {
    let token = token.map(|token| Secret::new(token.as_bytes()));
    Keys { id: "test-id".into(), secret: Secret::new(b"word-of-the-test"), token }
}

fn request(name: &str, access: Access) -> Request {
    let http = Arc::new(Http::new(Settings::default()).unwrap());
    let buckets = Buckets { access, versions: false, transport: Some(http) };
    let target = Target::bucket(&format!("s3://{name}")).expect("the prefix is known");
    Request { buckets, threads: 2, ..Request::new(vec![target]) }
}

fn access(server: &Server) -> Access {
    Access { keys: Some(keys(None)), region: None, endpoint: Some(format!("http://{}", server.host)) }
}

fn run(server: &Server, name: &str) -> Result<Outcome, ScanError> {
    scan(&request(name, access(server)))
}

/// Where each secret was seen, and what was not scanned.
fn told(outcome: &Outcome) -> (Vec<String>, Vec<String>) {
    let places = outcome.findings.iter().flat_map(|finding| &finding.occurrences);
    let mut places: Vec<String> = places.map(|place| place.origin.path().unwrap_or_default().to_owned()).collect();
    places.sort();
    let unscanned = outcome.summary.warnings.iter().filter(|warning| warning.unscanned);
    (places, unscanned.map(|warning| format!("{} {}", warning.code, warning.object)).collect())
}

type Objects = BTreeMap<&'static str, Vec<u8>>;

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The page after `from`, two objects a page; keys are encoded as AWS does it.
fn page(objects: &Objects, asked: &Asked) -> Reply {
    let from = asked.path.split("continuation-token=n").nth(1).map_or(0, |rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().unwrap()
    });
    let contents: String = objects
        .iter()
        .skip(from)
        .take(2)
        .map(|(key, content)| {
            let key = percent(key).replace("%2F", "/").replace("%20", "+");
            let size = content.len();
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-0{}T00:00:00.000Z</LastModified><Size>{size}</Size></Contents>",
                from + 1
            )
        })
        .collect();
    let next = match objects.len() > from + 2 {
        true => format!("<IsTruncated>true</IsTruncated><NextContinuationToken>n{}</NextContinuationToken>", from + 2),
        false => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Reply::new(
        200,
        format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <EncodingType>url</EncodingType>{contents}{next}</ListBucketResult>"
        ),
    )
}

fn object(objects: &Objects, asked: &Asked) -> Reply {
    let found = objects.iter().find(|(key, _)| asked.path == format!("/logs/{}", percent(key).replace("%2F", "/")));
    match found {
        Some((key, content)) => Reply::new(200, content.clone()).header("ETag", format!("\"{}\"", percent(key))),
        None => refusal(404, "NoSuchKey"),
    }
}

fn refusal(status: u16, code: &str) -> Reply {
    Reply::new(status, format!("<Error><Code>{code}</Code><Message>signature-of-the-request</Message></Error>"))
}

fn is_list(asked: &Asked) -> bool {
    asked.path.contains("list-type=2")
}

fn lines(seed: u64) -> Vec<u8> {
    format!("A={}\n", crate::made::token(seed)).into_bytes()
}

#[test]
fn every_object_of_every_page_is_scanned_with_what_is_in_it() {
    let zip = crate::archives::zip_stored(&[("in/app.env", &lines(3))]);
    let objects: Objects = [
        ("app.env", lines(1)),
        ("a b+c/ü%41&?.log", lines(2)),
        ("backup.zip", zip),
        ("folder/", Vec::new()),
        ("empty", Vec::new()),
        ("big.log", [vec![b'.'; 9 << 20], b"\n".to_vec(), lines(4)].concat()),
        ("clean", b"nothing".to_vec()),
    ]
    .into();
    let server =
        Server::start(move |asked| if is_list(asked) { page(&objects, asked) } else { object(&objects, asked) });
    let mut shown = Vec::new();
    for threads in [1, 3] {
        let mut request = request("logs", access(&server));
        request.threads = threads;
        let outcome = scan(&request).unwrap();
        let (places, unscanned) = told(&outcome);
        let expected =
            ["s3://logs/a b+c/ü%41&?.log", "s3://logs/app.env", "s3://logs/backup.zip!in/app.env", "s3://logs/big.log"];
        assert_eq!((places, unscanned), (expected.map(str::to_owned).to_vec(), vec![]));
        shown.push(format!("{:?}", outcome.findings));
    }
    assert_eq!(shown[0], shown[1]);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.header("authorization").is_some() && !asked.path.contains("ignature")));
    assert!(asked.iter().all(|asked| !asked.path.ends_with("folder/") && !asked.path.ends_with("empty")));
}

#[test]
fn a_busy_store_is_asked_again_and_what_breaks_off_goes_on() {
    let whole = [vec![b'.'; 100_000], b"\n".to_vec(), lines(11)].concat();
    let content = whole.clone();
    let count = AtomicUsize::new(0);
    let objects: Objects = [("cut.log", whole)].into();
    let server = Server::start(move |asked| match (count.fetch_add(1, Ordering::SeqCst), asked.header("range")) {
        (0, _) => refusal(500, "InternalError"),
        (2, _) => refusal(503, "SlowDown"),
        _ if is_list(asked) => page(&objects, asked),
        (_, None) => Reply { cut_at: Some(60_000), ..object(&objects, asked) },
        (_, Some(range)) => {
            assert_eq!(asked.header("if-match"), Some("\"cut.log\""));
            let from: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
            Reply::new(206, &content[from..])
        }
    });
    let outcome = run(&server, "logs").unwrap();
    assert_eq!(told(&outcome), (vec!["s3://logs/cut.log".to_owned()], vec![]));
    assert_eq!(outcome.findings[0].occurrences[0].position.line, 2);
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_scanned() {
    let objects: Objects =
        ["../up", "archived", "changed", "denied", "fine", "gone"].map(|key| (key, lines(21))).into();
    let server = Server::start(move |asked| match asked.path.split('/').next_back().unwrap() {
        _ if is_list(asked) => page(&objects, asked),
        "archived" => refusal(403, "InvalidObjectState"),
        "denied" => refusal(403, "AccessDenied"),
        "gone" => refusal(404, "NoSuchKey"),
        "changed" if asked.header("range").is_some() => refusal(412, "PreconditionFailed"),
        "changed" => Reply { cut_at: Some(3), ..object(&objects, asked) },
        _ => object(&objects, asked),
    });
    let outcome = run(&server, "logs").unwrap();
    let (places, unscanned) = told(&outcome);
    assert_eq!(places, ["s3://logs/fine"]);
    let expected = [
        "bucket-archived object s3://logs/archived",
        "bucket-changed object s3://logs/changed",
        "bucket-changed object s3://logs/gone",
        "bucket-denied object s3://logs/denied",
        "unreadable-object object s3://logs/../up",
    ];
    assert_eq!(unscanned, expected);
    let said = format!("{:?}", outcome.summary.warnings);
    assert!(!said.contains("signature-of-the-request") && !said.contains("word-of-the-test"), "{said}");
    assert!(server.asked().iter().all(|asked| asked.path.starts_with("/logs/") && !asked.path.contains("up")));
}

#[test]
fn a_bucket_is_found_where_the_store_says_it_is() {
    let objects: Objects = [("a", lines(31)), ("b", lines(32)), ("c", lines(33))].into();
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some(value) if !value.contains("/eu-north-1/s3/") => {
            refusal(301, "PermanentRedirect").header("x-amz-bucket-region", "eu-north-1")
        }
        _ if is_list(asked) => page(&objects, asked),
        _ => object(&objects, asked),
    });
    assert_eq!(told(&run(&server, "logs").unwrap()).0.len(), 3);
    // In the body alone, and a store that never has enough.
    let server = Server::start(|_| Reply::new(400, "<Error><Code>X</Code><Region>r-1</Region></Error>"));
    assert!(run(&server, "logs").unwrap_err().to_string().contains("400 X"));
    let hostile = Server::start(|_| refusal(301, "X").header("x-amz-bucket-region", "a.example/"));
    assert!(run(&hostile, "logs").is_err());
}

#[test]
fn a_list_that_breaks_off_is_not_the_whole() {
    let objects: Objects = [("a", lines(41)), ("b", lines(42)), ("c", lines(43))].into();
    let of_pages = objects.clone();
    let server = Server::start(move |asked| match is_list(asked) {
        true if asked.path.contains("continuation") => refusal(403, "AccessDenied"),
        true => page(&of_pages, asked),
        false => object(&of_pages, asked),
    });
    let (places, unscanned) = told(&run(&server, "logs").unwrap());
    assert_eq!((places.len(), unscanned), (2, vec!["bucket-list s3://logs".to_owned()]));
    let circle = Server::start(move |asked| match is_list(asked) {
        true => {
            let mut asked = asked.clone();
            asked.path = asked.path.replace("continuation-token=n2", "");
            page(&objects, &asked)
        }
        false => object(&objects, asked),
    });
    assert_eq!(told(&run(&circle, "logs").unwrap()).1, ["bucket-list s3://logs"]);
}

#[test]
fn a_bucket_that_cannot_be_listed_is_an_error_with_a_hint() {
    let server = Server::start(|_| refusal(403, "AccessDenied"));
    let anonymous = Access { keys: None, ..access(&server) };
    let error = scan(&request("logs/x", anonymous)).unwrap_err();
    assert!(error.to_string().contains("s3://logs/x") && error.to_string().contains("without credentials"), "{error}");
    assert!(error.hint().unwrap().contains("AWS_PROFILE"));
    assert!(server.asked().iter().all(|asked| asked.header("authorization").is_none()));
    let error = run(&server, "logs").unwrap_err();
    assert!(error.hint().unwrap().contains("s3:ListBucket"), "{error}");
    let html = Server::start(|_| Reply::new(200, "<html>login</html>"));
    assert!(run(&html, "logs").unwrap_err().to_string().contains("no list of objects"));
    for name in ["", "x", "a@b.example/c"] {
        assert!(run(&server, name).unwrap_err().to_string().contains("no bucket"), "{name}");
    }
    let mut offline = request("logs", access(&server));
    offline.buckets.transport = None;
    assert!(scan(&offline).unwrap_err().to_string().contains("the network is forbidden"));
}

#[test]
fn a_session_token_goes_into_a_header_and_never_without_tls() {
    let objects: Objects = [("a", lines(51))].into();
    let server =
        Server::start(move |asked| if is_list(asked) { page(&objects, asked) } else { object(&objects, asked) });
    let mut lent = access(&server);
    lent.keys = Some(keys(Some("token-of-the-test")));
    assert_eq!(told(&scan(&request("logs", lent.clone())).unwrap()).0.len(), 1);
    for asked in server.asked() {
        assert_eq!(asked.header("x-amz-security-token"), Some("token-of-the-test"));
        assert!(!asked.path.contains("token-of-the-test"));
        assert!(asked.header("authorization").unwrap().contains("x-amz-security-token"));
    }
    lent.endpoint = Some("http://store.example".into());
    assert!(scan(&request("logs", lent)).unwrap_err().to_string().contains("without TLS"));
}

#[test]
fn objects_older_than_a_date_are_left_out_and_a_range_is_no_bucket() {
    let objects: Objects = [("a", lines(61)), ("b", lines(62)), ("c", lines(63))].into();
    let server =
        Server::start(move |asked| if is_list(asked) { page(&objects, asked) } else { object(&objects, asked) });
    let part = |range: Option<&str>, since: Option<&str>| {
        let mut request = request("logs", access(&server));
        request.history = History::Part { range: range.map(str::to_owned), since: since.map(str::to_owned) };
        scan(&request)
    };
    assert_eq!(told(&part(None, Some("2026-01-02")).unwrap()).0, ["s3://logs/c"]);
    assert!(part(Some("a..b"), None).unwrap_err().to_string().contains("no range"));
    assert!(part(None, Some("some day")).is_err());
}

#[test]
fn an_object_has_one_name_everywhere() {
    let origin = Origin::object("logs", "a/b c.zip", Some("v1"));
    let inner = Origin::entry(origin.clone(), "x!y");
    assert_eq!(origin.to_string(), "version v1 of object s3://logs/a/b c.zip");
    assert_eq!(inner.to_string(), "version v1 of object s3://logs/a/b c.zip!x!y");
    assert_eq!(inner.inner_path(), Some("a/b c.zip!x!y"));
    assert_eq!(inner.chain(), ["s3://logs/a/b c.zip", "x", "y"]);
}
