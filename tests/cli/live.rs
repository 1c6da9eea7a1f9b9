//! Standard input that stays open: what is found is shown while it goes on, and it ends in good order.

use super::Project;
use super::made::{random, token};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A scan whose input stays open.
struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Session {
    fn start(args: &str) -> Session {
        let project = Project::new();
        let mut child = project.command(args).spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        // The folder is not needed any more once the settings were looked for.
        std::mem::forget(project);
        Session { child, input, lines }
    }

    fn write(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).unwrap();
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line is shown while the input is open")
    }

    fn object(&self) -> serde_json::Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn is_silent(&self) -> bool {
        self.lines.recv_timeout(Duration::from_millis(700)).is_err()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None => assert!(Instant::now() < deadline, "it does not end"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn rest(&self) -> Vec<serde_json::Value> {
        self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

#[test]
fn a_secret_is_shown_while_the_input_is_open_and_counted_at_its_end() {
    let mut session = Session::start("scan -f jsonl -");
    session.write(&format!("a line\nHF={}\n", token(1)));
    let first = session.object();
    assert_eq!(
        (&first["type"], &first["line"], &first["origin"]),
        (&"finding".into(), &2.into(), &"standard input".into())
    );
    session.write(&format!("HF={}\n", token(1)).repeat(2_000));
    assert!(session.is_silent(), "one secret is shown once");
    // Beyond the number of matches that is looked at in a file.
    session.write(&format!("HF={}\n", token(2)));
    assert_eq!(session.object()["line"], 2_003);
    drop(session.input.take());
    assert_eq!(session.end().code(), Some(1));
    let rest = session.rest();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert_eq!((&rest[0]["type"], &rest[0]["places"]), (&"repeated".into(), &2_001.into()));
    assert_eq!(rest[0]["fingerprint"], first["fingerprint"]);
    assert_eq!((&rest[1]["type"], &rest[1]["findings"]), (&"summary".into(), &2.into()));
    assert_eq!(rest[1]["skipped"], serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_everything_that_was_written_and_the_right_code() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut session = Session::start("scan -f jsonl -");
        session.write(&format!("HF={}\n", token(11)));
        session.line();
        // Without a newline, and not looked at yet.
        session.write(&format!("HF={}", token(12)));
        session.signal(signal);
        assert_eq!(session.end().code(), Some(1), "{signal}");
        let rest = session.rest();
        assert_eq!((rest.len(), &rest[0]["line"], &rest[1]["gated"]), (2, &2.into(), &2.into()), "{rest:?}");
    }
    let mut clean = Session::start("scan -");
    clean.write("nothing\n");
    std::thread::sleep(Duration::from_millis(500));
    clean.signal("-INT");
    assert_eq!(clean.end().code(), Some(0));
    assert!(clean.line().starts_with("No secrets found"));
    let mut whole = Session::start("scan -f sarif -");
    whole.write(&format!("HF={}\n", token(13)));
    assert!(whole.is_silent());
    whole.signal("-TERM");
    assert_eq!(whole.end().code(), Some(1));
    let report: String = whole.lines.iter().collect();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["runs"][0]["results"].as_array().unwrap().len(), 1);
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let project = Project::new();
    let mut child = project.command("scan -f jsonl -").spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let deadline = Instant::now() + PATIENCE;
    for seed in 20.. {
        // It may be gone already.
        let _ = input.write_all(format!("HF={}\n", token(seed)).as_bytes());
        std::thread::sleep(Duration::from_millis(300));
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(1));
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(said.contains("1 secret"), "{said}");
            return;
        }
        assert!(Instant::now() < deadline, "it goes on");
    }
}

#[test]
fn nothing_is_shown_before_it_is_certain() {
    let mut session = Session::start("scan -f jsonl -");
    let mark = ["stopleak", ":allow"].concat();
    session.write(&format!("HF={}", token(31)));
    assert!(session.is_silent(), "the line has not ended");
    session.write(&format!(" # {mark} a sample\n"));
    assert!(session.is_silent(), "the line is marked");
    let kind = "PRIVATE KEY-----";
    session.write(&format!("-----BEGIN RSA {kind}\n{}\n", random(64, 1)));
    let early = session.lines.recv_timeout(Duration::from_millis(700)).ok();
    let body: String = (2..12).map(|seed| format!("{}\n", random(64, seed))).collect();
    session.write(&format!("{body}-----END RSA {kind}\nend\n"));
    drop(session.input.take());
    session.end();
    let found = early.iter().count() + session.rest().iter().filter(|line| line["type"] == "finding").count();
    assert_eq!(found, 1, "a key that comes in pieces is one: {early:?}");
}

#[test]
fn the_text_report_goes_on_with_the_stream() {
    let mut session = Session::start("scan -");
    session.write(&format!("HF={}\n", token(41)).repeat(3));
    assert!(session.line().contains("hf_"));
    assert!(session.line().contains("standard input:1:4"));
    drop(session.input.take());
    assert_eq!(session.end().code(), Some(1));
    let rest: Vec<String> = session.lines.iter().collect();
    assert!(rest.iter().any(|line| line.ends_with("was seen in 3 places")), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("1 secret in 3 places")), "{rest:?}");
}
