//! Who is told of a new value, and who read the old one.

use std::time::Duration;
use stopleak_core::Secret;
use stopleak_core::respond::announce::{OnRotated, Value};
use stopleak_core::respond::readers::{Reader, readers};
use stopleak_core::respond::run::{Announce, News};
use stopleak_core::respond::{Place, Trouble};

#[cfg(unix)]
#[test]
fn a_command_gets_the_value_as_the_user_said_and_not_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let place = Place { path: "team/app".into(), version: "1".into(), field: "password".into(), is_current: true };
    let value = Secret::new(b"the new value");
    let news = News { run: "r", fingerprint: "f", rule: "a.b", place: &place, version: "2", value: &value };
    let script = format!(
        "cat > {0}; printf '|%s|%s|%s|%s' \"$STOPLEAK_VALUE\" \"$STOPLEAK_VAULT_PATH\" \"$STOPLEAK_VAULT_VERSION\" \"$1\" >> {0}",
        file.display()
    );
    let words = |script: &str| ["sh", "-c", script, "sh", "$(id) ; a word"].map(str::to_owned).to_vec();
    let table = [
        (Value::None, "||team/app|2|$(id) ; a word"),
        (Value::Input, "the new value||team/app|2|$(id) ; a word"),
        (Value::Variable, "|the new value|team/app|2|$(id) ; a word"),
    ];
    for (how, expected) in table {
        let told = OnRotated { words: words(&script), value: how, patience: Duration::from_secs(20) };
        assert!(!told.name().contains("new value"));
        told.announce(&news).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "{how:?}");
    }
    let fails = |script: &str, patience| {
        OnRotated { words: words(script), value: Value::None, patience }.announce(&news).unwrap_err()
    };
    assert!(matches!(fails("exit 3", Duration::from_secs(20)), Trouble::Refused(why) if why.contains("ended with 3")));
    assert!(matches!(fails("sleep 60", Duration::from_millis(100)), Trouble::Unanswered(_)));
}

#[test]
fn the_vaults_log_tells_who_read_a_value() {
    let hash = "hmac-sha256:1f2e";
    let line = |kind: &str, name: &str, time: &str, value: &str| {
        format!(
            r#"{{"time":"{time}","type":"{kind}","auth":{{"display_name":"{name}","entity_id":"e-{name}"}},"request":{{"path":"secret/data/app","remote_address":"10.0.0.1"}},"response":{{"data":{{"data":{{"password":"{value}"}}}}}}}}"#
        )
    };
    let log = [
        line("response", "ci", "2026-11-02T00:00:00Z", hash),
        line("response", "ci", "2026-11-01T00:00:00Z", hash),
        line("request", "asked", "2026-11-01T00:00:00Z", hash),
        line("response", "other", "2026-11-01T00:00:00Z", "hmac-sha256:9999"),
        line("response", "web", "2026-11-03T00:00:00Z", hash),
        "{ torn".to_owned(),
    ]
    .join("\n");
    let found = readers(log.as_bytes(), &[hash.to_owned()]).unwrap();
    assert_eq!(found.unread, 1);
    let names: Vec<(&str, u64)> = found.readers.iter().map(|reader| (reader.name.as_str(), reader.times)).collect();
    assert_eq!(names, [("ci", 2), ("web", 1)]);
    let Reader { entity, address, paths, between, .. } = &found.readers[0];
    assert_eq!((&**entity, &**address, paths.join(" ")), ("e-ci", "10.0.0.1", "secret/data/app".to_owned()));
    assert_eq!((&*between.0, &*between.1), ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"));
}
