//! Looking at rules, and checking rules of one's own.

use crate::Project;
use crate::made::random;

/// A rule file of a provider that does not exist.
fn acme(pattern: &str, no_match: &str) -> String {
    format!(
        "[provider]\nid = \"acme\"\nname = \"Acme\"\nreferences = [\"https://docs.acme.example\"]\n\n\
         [[rule]]\nid = \"acme.api-key\"\nname = \"Acme API key\"\nseverity = \"high\"\npattern = '{pattern}'\n\n\
         [rule.examples]\nmatch = ['k = acmekey_<base62:32>', 'acmekey_<base62:32>']\n\
         no-match = ['acmekey_<base62:31>', '{no_match}']\n"
    )
}

const PATTERN: &str = "acmekey_[A-Za-z0-9]{32}";

#[test]
fn rules_are_listed_and_shown() {
    let project = Project::new();
    let run = project.run("rules list");
    assert_eq!(run.code, 0);
    let line = run.stdout.lines().find(|line| line.starts_with("huggingface.user-access-token")).unwrap();
    assert!(line.contains("high") && line.ends_with("Hugging Face user access token"), "{line}");
    let mut sorted: Vec<&str> = run.stdout.lines().collect();
    sorted.sort();
    assert_eq!(sorted, run.stdout.lines().collect::<Vec<_>>());
    let shown = project.run("rules show huggingface.user-access-token").stdout;
    assert!(shown.contains("hf_") && shown.contains("https://huggingface.co/docs"), "{shown}");
    let unknown = project.run("rules show huggingface.nothing");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("hint: rules that begin alike: huggingface."), "{}", unknown.stderr);
}

#[test]
fn rules_of_ones_own_are_used() {
    let key = format!("acmekey_{}", random(32, 5));
    let project =
        Project::new().file("own/acme.toml", acme(PATTERN, "acmekey")).file("src/a.env", format!("K={key}\n"));
    let run = project.run("scan src --rules own --format jsonl");
    assert!(run.lines("finding").iter().any(|line| line["rule"] == "acme.api-key"), "{}{}", run.stdout, run.stderr);
    let project = project.file("src/stopleak.toml", "[rules]\npaths = ['../own']\n");
    assert!(project.run("scan src --format jsonl").stdout.contains("acme.api-key"));
    assert!(project.run("rules list --rules own").stdout.contains("acme.api-key"));
}

#[test]
fn a_bad_rule_is_reported_at_its_line() {
    let project = Project::new().file("acme.toml", acme("acmekey_[A-Za-z0-9]+", "acmekey"));
    let run = project.run("rules check acme.toml");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.starts_with("acme.toml:"), "{}", run.stdout);
    let run = project.run("scan --rules acme.toml");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("acme.toml:"), "{}", run.stderr);
}

#[test]
fn the_examples_of_a_rule_are_run() {
    let good = Project::new().file("acme.toml", acme(PATTERN, "acmekey"));
    assert_eq!(good.run("rules check acme.toml").code, 0);
    let run = good.run("rules test acme.toml");
    assert_eq!((run.code, run.stderr.as_str()), (0, "examples pass: 1 rule\n"), "{}", run.stdout);
    let bad = Project::new().file("acme.toml", acme(PATTERN, "acmekey_<base62:32>"));
    let run = bad.run("rules test acme.toml");
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("must not be found"), "{}", run.stdout);
}

#[test]
fn a_rule_file_that_is_not_there_is_an_error() {
    for args in ["rules check none.toml", "rules test none.toml", "rules check ."] {
        assert_eq!(Project::new().run(args).code, 2, "{args}");
    }
}

#[test]
fn a_rule_that_claims_what_another_finds_must_say_which_goes_first() {
    let file = acme("hf_[A-Za-z]{34}", "acmekey").replace("acmekey_<base62:32>", "hf_<alpha:34>");
    let run = Project::new().file("acme.toml", file.clone()).run("rules check acme.toml");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("`huggingface.user-access-token` matches the same text"), "{}", run.stdout);
    let settled = file.replace("\n[rule.examples]", "over = ['huggingface.user-access-token']\n\n[rule.examples]");
    let project = Project::new().file("acme.toml", settled).file("k.env", format!("K={}\n", letters()));
    let checked = project.run("rules check acme.toml");
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let found = project.run("scan k.env --rules acme.toml --gate 0 --format jsonl").lines("finding");
    assert!(found.iter().all(|line| line["rule"] == "acme.api-key") && !found.is_empty(), "{found:?}");
}

#[test]
fn a_rule_shows_what_it_asks_its_provider() {
    let shown = Project::new().run("rules show huggingface.user-access-token").stdout;
    assert!(shown.contains("GET https://huggingface.co/api/whoami-v2"), "{shown}");
    assert!(shown.contains("POST https://huggingface.co/api/credentials/revoke"), "{shown}");
}

/// A token of letters alone.
fn letters() -> String {
    let letters: String = random(200, 9).chars().filter(char::is_ascii_alphabetic).take(34).collect();
    ["hf", "_", &letters].concat()
}
