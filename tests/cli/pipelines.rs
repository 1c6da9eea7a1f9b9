//! Pipelines and logs as a user meets them: risky practice is shown and fails only when asked, logs name job and step.

use super::Project;
use stopleak_core::rule::example::expand;

const WORKFLOW: &str =
    "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          echo started ${{ secrets.DEPLOY }}\n";

fn project() -> Project {
    Project::new().file(".github/workflows/ci.yml", WORKFLOW)
}

#[test]
fn risky_practice_is_shown_and_does_not_fail() {
    let run = project().run("scan --format jsonl");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let findings = run.lines("finding");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0]["kind"], "practice");
    assert_eq!(findings[0]["rule"], "ci.secret-echoed");
    assert_eq!(findings[0]["severity"], "medium");
    assert_eq!(findings[0]["secret"], "${{ secrets.DEPLOY }}");
    assert_eq!(findings[0]["line"], 6);
    assert_eq!(run.lines("summary")[0]["practices"], 1);
    assert_eq!(run.lines("summary")[0]["gated"], 0);
}

#[test]
fn risky_practice_fails_when_asked_and_is_hidden_when_asked() {
    assert_eq!(project().run("scan --practices fail").code, 1);
    assert_eq!(project().run("scan --practices fail --gate high").code, 0);
    let hidden = project().run("scan --practices hide --format jsonl");
    assert_eq!((hidden.code, hidden.lines("finding").len()), (0, 0));
    let settings = "[scan]\npractices = \"fail\"\n";
    assert_eq!(project().file("stopleak.toml", settings).run("scan").code, 1);
    let wrong = project().file("stopleak.toml", "[scan]\npractices = \"maybe\"\n").run("scan");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("practices"), "{}", wrong.stderr);
}

#[test]
fn every_format_shows_the_name_at_risk_and_the_fix() {
    let project = project();
    let text = project.run("scan");
    assert!(text.stdout.contains("medium  Secret printed into the log  ${{ secrets.DEPLOY }}"), "{}", text.stdout);
    assert!(text.stdout.contains("No secrets found, 1 risky practice"), "{}", text.stdout);
    assert!(text.stdout.contains("fix"), "{}", text.stdout);
    for format in ["json", "sarif", "jsonl"] {
        let run = project.run(&format!("scan --format {format} --show-secrets"));
        assert!(run.stdout.contains("${{ secrets.DEPLOY }}") && !run.stdout.contains("started"), "{}", run.stdout);
    }
    let sarif: serde_json::Value = serde_json::from_str(&project.run("scan --format sarif").stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning");
}

#[test]
fn a_baseline_and_a_mark_cover_risky_practice_too() {
    let project = project();
    assert_eq!(project.run("baseline create --practices fail").code, 0);
    assert_eq!(project.run("scan --practices fail --baseline stopleak-baseline.json").code, 0);
    let marked = WORKFLOW.replace("DEPLOY }}", "DEPLOY }} # stopleak:allow shown on purpose");
    let marked = Project::new().file("ci.yml", marked);
    assert_eq!(marked.run("scan --practices fail").code, 0);
}

#[test]
fn practice_on_standard_input_is_found() {
    let run = Project::new().run_with("scan - --practices fail --format jsonl", WORKFLOW.as_bytes());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["rule"], "ci.secret-echoed");
}

#[test]
fn a_log_names_job_step_and_line() {
    let token = expand("<github:ghp_>", 1).unwrap();
    let (a, b) = token.split_at(10);
    let log =
        format!("2026-11-21T05:48:23.1234567Z start\n2026-11-21T05:48:24.1234567Z use \u{1b}[32m{a}\u{1b}[0m{b}\n");
    let project = Project::new().file("build/3_Run tests.txt", log);
    let run = project.run("scan --format jsonl");
    assert_eq!(run.code, 1);
    let finding = &run.lines("finding")[0];
    assert_eq!(
        (&finding["job"], &finding["step"], &finding["line"]),
        (&"build".into(), &"Run tests".into(), &2.into())
    );
    assert!(project.run("scan").stdout.contains("job build, step Run tests"));
    assert!(project.run("scan --format sarif").stdout.contains("job build, step Run tests"));
}

#[test]
fn the_rules_for_practice_are_listed_and_explained() {
    let project = Project::new();
    assert!(project.run("rules list").stdout.contains("ci.secret-in-dockerfile"));
    assert!(project.run("rules show ci.secret-echoed").stdout.contains("risky practice"));
}
