//! The HTML report, used as people use it, in a real browser.

mod sweep;

use super::read::written;
use super::{Finding, finding, in_history, on_disk, random, rule, summary};
use crate::chromium::{Browser, DARK, LIGHT, Page};
use std::path::PathBuf;
use std::sync::Arc;
use stopleak_core::finding::Suppression;
use stopleak_core::report::{Html, Record, Report, Repository, Secrets};
use stopleak_core::rule::{Form, Practice};
use stopleak_core::{Confidence, Origin, Severity, Summary, Warning};
use tempfile::TempDir;

const NOW: i64 = 1_760_000_000;
const DAY: i64 = 86_400;
const WIDE: (u32, u32) = (1_400, 900);
const HOSTILE: &str = "</script><script>window.hurt=1</script><img src=x onerror=window.hurt=1>&amp;\u{202e}\"'`${1}";

/// A report on disk.
struct File {
    folder: TempDir,
}

impl File {
    fn new(findings: &[Finding], summary: &Summary, secrets: Secrets) -> File {
        let records: Vec<Record> = findings.iter().map(|finding| Record::new(finding, secrets)).collect();
        let folder = TempDir::new().unwrap();
        std::fs::write(
            folder.path().join("report.html"),
            written(|out| Box::new(Html::new(out, NOW)), &records, summary),
        )
        .unwrap();
        File { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("report.html")
    }
}

fn of_rule(finding: Finding, id: &str, provider: &str, severity: Severity) -> Finding {
    let mut rule = rule(id, severity);
    rule.name = format!("{provider} key");
    Arc::make_mut(&mut rule.provider).name = provider.into();
    Finding { rule: Arc::new(rule), ..finding }
}

/// A hundred findings: 25 of each severity and of four providers, on disk, in HEAD and in the history alone.
fn hundred() -> Vec<Finding> {
    let kinds = [
        ("acme.key", "Acme", Severity::Critical),
        ("blue.key", "Blue", Severity::High),
        ("coal.key", "Coal", Severity::Medium),
        ("dune.key", "Dune", Severity::Low),
    ];
    let one = |index: usize| {
        let (id, provider, severity) = kinds[index / 25];
        let number = index as u8;
        let path = format!("src/{provider}/file{index:02}.env");
        let mut old = in_history(&path, 4, number, NOW - (index as i64 + 1) * 30 * DAY);
        old.in_head = Some(index % 5 == 1);
        let places = match index % 5 {
            0 => vec![on_disk(&path, 3), old],
            1 | 2 => vec![old],
            3 => vec![on_disk(&path, 3)],
            _ => (1..=index as u32).map(|line| on_disk(&path, line)).collect(),
        };
        of_rule(finding(index as u64, places), id, provider, severity)
    };
    (0..100).map(one).collect()
}

fn repository() -> Repository {
    let (url, revision) = ("https://github.com/acme/shop.git".into(), Some("0123456789".repeat(4)));
    Repository { url, revision, branch: Some("main".into()) }
}

fn whole() -> Summary {
    Summary {
        targets: vec!["shop".into()],
        repositories: vec![repository()],
        blobs: 12,
        bytes: 3_456,
        ..Summary::default()
    }
}

/// A finding whose every text tries to be markup.
fn hostile() -> Finding {
    let mut gone = in_history(HOSTILE, 2, 4, NOW - DAY);
    gone.in_head = Some(false);
    let mut hostile = of_rule(finding(500, vec![on_disk(HOSTILE, 1), gone]), HOSTILE, HOSTILE, Severity::Critical);
    hostile.key = HOSTILE.into();
    Arc::make_mut(&mut hostile.rule).help = HOSTILE.into();
    Arc::make_mut(&mut hostile.rule).references =
        vec!["javascript:window.hurt=1".into(), format!("https://x.example/{HOSTILE}")];
    hostile.facts = vec![("issuer", HOSTILE.into())];
    hostile
}

fn click(page: &mut Page<'_>, facet: &str, key: &str) {
    page.get(&format!("document.querySelector('#chips [data-facet={facet}][data-key={key}]').click()"));
}

fn count(page: &mut Page<'_>) -> String {
    page.text("document.getElementById('count').textContent")
}

fn names(page: &mut Page<'_>) -> Vec<String> {
    let names = page.get("[...document.querySelectorAll('.row .title strong')].map(node => node.textContent)");
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn accessible(page: &mut Page<'_>, state: &str) {
    let problems = page.get(include_str!("accessible.js"));
    assert_eq!(problems, serde_json::json!([]), "{state}");
}

#[test]
fn the_page_admits_its_own_script_and_style_and_nothing_else() {
    let text = written(|out| Box::new(Html::new(out, NOW)), &[Record::new(&hostile(), Secrets::Redacted)], &whole());
    let policy = text.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    for part in
        ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "base-uri 'none'", "form-action 'none'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    // Only what a person may click leads elsewhere, and that is data.
    assert_eq!(text.matches("<script").count(), 2);
    assert_eq!(text.matches("</script").count(), 2);
    assert!(!text.contains(&random(32, 500)));
    for word in ["<link", "<img", "<iframe", "@import", "url(", "innerHTML", "eval(", "fetch(", "XMLHttpRequest", "{{"]
    {
        let page = text.replace("\\u003cimg", "");
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn two_reports_of_the_same_scan_are_the_same() {
    let records: Vec<Record> = hundred().iter().map(|finding| Record::new(finding, Secrets::Redacted)).collect();
    let make = || written(|out| Box::new(Html::new(out, NOW)), &records, &whole());
    assert!(make() == make());
}

#[test]
fn it_loads_nothing_and_text_from_a_repository_stays_text() {
    let Some(mut browser) = Browser::start() else { return };
    let partial = Summary { warnings: vec![Warning::unscanned("unreadable-file", HOSTILE, HOSTILE)], ..whole() };
    let file = File::new(&[hostile()], &partial, Secrets::Redacted);
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    page.get("document.querySelector('.head').click()");
    for id in ["group", "sort"] {
        for option in ["path", "provider", "severity"] {
            page.get(&format!("{id}.value = '{option}'; {id}.dispatchEvent(new Event('change'))"));
        }
    }
    assert!(page.text("document.querySelector('.detail').textContent").contains("<img src=x onerror"));
    assert_eq!(page.text("typeof window.hurt"), "undefined");
    assert_eq!(page.get("document.querySelectorAll('main img, main script, a[href^=javascript]').length"), 0);
    assert!(!page.text("document.body.innerText").contains('\u{202e}'));
    assert!(!page.text("document.documentElement.outerHTML").contains(&random(32, 500)));
    assert_eq!(page.complaints(), Vec::<String>::new());
    assert_eq!(page.requests(), [format!("file://{}", file.path().display())]);
}

#[test]
fn filters_search_order_and_groups_work_together() {
    let Some(mut browser) = Browser::start() else { return };
    let mut findings = hundred();
    findings[99].suppression = Some(Suppression::Baseline);
    let file = File::new(&findings, &Summary { suppressed: 1, ..whole() }, Secrets::Redacted);
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    assert_eq!(page.text("document.title"), "shop: stopleak report");
    assert!(page.text("document.querySelector('#verdict h2').textContent").starts_with("99 secrets in "));
    assert_eq!(count(&mut page), "100 findings, 1 to 50 shown");
    assert_eq!(names(&mut page).len(), 50);
    click(&mut page, "severity", "critical");
    assert_eq!(count(&mut page), "25 of 100 findings");
    click(&mut page, "severity", "low");
    assert_eq!(count(&mut page), "50 of 100 findings");
    click(&mut page, "stands", "gone");
    assert_eq!(count(&mut page), "10 of 100 findings");
    // A chart's bar is the same filter, and the counts follow the others.
    page.get("document.querySelector('#charts [data-facet=provider][data-key=Acme]').click()");
    assert_eq!(count(&mut page), "5 of 100 findings");
    assert_eq!(page.text("document.querySelector('#chips [data-key=low] .number').textContent"), "0");
    page.get("document.getElementById('reset').click()");
    assert_eq!(count(&mut page), "100 findings, 1 to 50 shown");
    for (query, expected) in [
        ("acme.key", "25 of 100 findings"),
        ("acme file07", "1 of 100 findings"),
        ("path:blue -file3", "15 of 100 findings"),
        ("\"ann example\" commit:0707", "1 of 100 findings"),
        ("rule:dune.key", "25 of 100 findings"),
        ("nothing of the kind", "0 of 100 findings"),
        ("", "100 findings, 1 to 50 shown"),
    ] {
        page.get(&format!("document.getElementById('search').value = {query:?}; search()"));
        assert_eq!(count(&mut page), expected, "{query}");
    }
    page.get("sort.value = 'oldest'; sort.dispatchEvent(new Event('change'))");
    assert!(page.text("document.querySelector('.where').textContent").contains("file97.env"));
    page.get("sort.value = 'places'; sort.dispatchEvent(new Event('change'))");
    assert!(page.text("document.querySelector('.where').textContent").contains("file99.env:1:10 and 98 more places"));
    page.get("group.value = 'provider'; group.dispatchEvent(new Event('change'))");
    let groups = page.get("[...document.querySelectorAll('.group')].map(node => node.textContent)");
    assert_eq!(groups, serde_json::json!(["Acme25 findings", "Blue25 findings"]));
    // The address holds it all.
    let address = page.text("location.hash");
    assert_eq!(address, "#sort=places&group=provider");
    page.get("location.hash = '#severity=high&q=file3&sort=path'; new Promise(done => setTimeout(done, 200))");
    assert_eq!(count(&mut page), "10 of 100 findings");
    page.picture("filtered");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_finding_shows_its_places_its_past_the_reasons_and_what_to_do() {
    let Some(mut browser) = Browser::start() else { return };
    let mut kept = in_history("old.env", 1, 2, NOW - 400 * DAY);
    kept.in_head = Some(true);
    let mut inside = super::place(Origin::entry(Origin::File { path: "a.zip".into() }, "b"), 7, 1);
    inside.trail = vec!["base64".into()];
    let everywhere = finding(1, vec![on_disk("new.env", 3), kept, inside]);
    let mut gone = in_history("gone.env", 1, 3, NOW - 800 * DAY);
    gone.in_head = Some(false);
    let file = File::new(&[everywhere, finding(2, vec![gone])], &whole(), Secrets::Redacted);
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    page.get(
        "document.querySelectorAll('.head').forEach((_, index) => document.querySelectorAll('.head')[index].click())",
    );
    let first = page.text("document.querySelectorAll('.detail')[0].innerText");
    for part in [
        "3 PLACES",
        "new.env:3:10",
        "a.zip!b:7:1",
        "inside base64",
        "entered in old.env",
        "commit 0202020202 by Ann Example",
        "still on disk in 2 files and in HEAD, exposed for",
        "98 % SURE",
        "random for its alphabet",
        "+2.5",
        "−0.7",
        "Revoke or rotate it at Acme Cloud",
        "Revoke it under Settings › API keys.",
        "docs.acme.example/keys",
        "Take it out of the files",
        "Decide about the history",
        "--fingerprint t1:",
        "ACME_KEY",
        "It is no secret",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = page.text("document.querySelectorAll('.detail')[1].innerText");
    assert!(
        second.contains("gone from HEAD; it stays in the history") && !second.contains("Take it out of"),
        "{second}"
    );
    let commit = page.text("document.querySelector('.detail a[href*=\"/commit/\"]').href");
    assert_eq!(commit, format!("https://github.com/acme/shop/commit/{}", "02".repeat(20)));
    page.get("document.querySelector('.facts .copy').click()");
    page.get("new Promise(done => setTimeout(done, 200))");
    assert_eq!(page.text("document.getElementById('live').textContent"), "Copied the fingerprint");
    page.picture("detail");
    accessible(&mut page, "details");
}

#[test]
fn every_key_does_what_the_help_says() {
    let Some(mut browser) = Browser::start() else { return };
    let file = File::new(&hundred(), &whole(), Secrets::Redacted);
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    let focused = |page: &mut Page<'_>| page.text("document.activeElement.dataset.index ?? document.activeElement.id");
    for (key, expected) in [("j", "0"), ("j", "1"), ("k", "0"), ("k", "0")] {
        page.key(key);
        assert_eq!(focused(&mut page), expected, "{key}");
    }
    page.key("Enter");
    assert_eq!(page.get("document.querySelectorAll('.row.open').length"), 1);
    assert_eq!(focused(&mut page), "0");
    page.key("Escape");
    assert_eq!(page.get("document.querySelectorAll('.row.open').length"), 0);
    page.key("/");
    assert_eq!(focused(&mut page), "search");
    page.type_text("coal");
    page.get("new Promise(done => setTimeout(done, 300))");
    assert_eq!(count(&mut page), "25 of 100 findings");
    page.key("Enter");
    assert_eq!(focused(&mut page), "50");
    page.key("/");
    page.key("Escape");
    assert_eq!(count(&mut page), "100 findings, 1 to 50 shown");
    page.key("Escape");
    page.key("n");
    assert_eq!(count(&mut page), "100 findings, 51 to 100 shown");
    page.key("n");
    page.key("p");
    assert_eq!(count(&mut page), "100 findings, 1 to 50 shown");
    // Over the edge of a page.
    page.get("document.querySelectorAll('.head')[49].focus()");
    page.key("j");
    assert_eq!(focused(&mut page), "50");
    page.key("k");
    assert_eq!(focused(&mut page), "49");
    page.key("?");
    assert_eq!(page.get("document.getElementById('help').open"), true);
    accessible(&mut page, "help");
    page.key("j");
    page.key("Escape");
    assert_eq!(page.get("document.getElementById('help').open"), false);
    assert_eq!(focused(&mut page), "49");
    for expected in ["light", "dark", "undefined"] {
        page.key("t");
        assert_eq!(page.text("String(document.documentElement.dataset.theme)"), expected);
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
    // Tab comes by everything in the order it is read.
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    for expected in ["skip", "print", "theme", "help-open", "bar"] {
        page.key("Tab");
        assert_eq!(page.text("document.activeElement.id || document.activeElement.className"), expected);
    }
}

#[test]
fn everyone_can_read_it_in_light_and_dark_wide_and_narrow() {
    let Some(mut browser) = Browser::start() else { return };
    let mut findings = hundred();
    findings[3].suppression = Some(Suppression::Allowlist { reason: "sample".into() });
    let mut practice = finding(200, vec![on_disk(".gitlab-ci.yml", 4)]);
    let mut form = rule("pipeline.secret-in-arguments", Severity::Medium);
    form.form = Form::Practice { place: Practice::Command, pattern: String::new() };
    practice.rule = Arc::new(form);
    findings.push(practice);
    findings.push(hostile());
    let partial = Summary { repositories: vec![repository()], targets: vec!["shop".into()], ..summary() };
    let file = File::new(&findings, &partial, Secrets::Redacted);
    for (scheme, features) in [("light", LIGHT), ("dark", DARK)] {
        for size in [WIDE, (360, 740)] {
            let mut page = browser.open(&file.path(), size, features);
            accessible(&mut page, &format!("{scheme} {size:?}"));
            page.picture(&format!("{scheme}-{}", size.0));
            page.get("for (let n = 0; n < 5; n++) document.querySelectorAll('.head')[n].click()");
            click(&mut page, "severity", "critical");
            accessible(&mut page, &format!("{scheme} {size:?}, open and filtered"));
            page.picture(&format!("{scheme}-{}-open", size.0));
            assert_eq!(page.complaints(), Vec::<String>::new());
        }
    }
}

#[test]
fn ten_thousand_findings_stay_quick() {
    let Some(mut browser) = Browser::start() else { return };
    let hundred = hundred();
    let many: Vec<Finding> = (0..10_000)
        .map(|index| {
            let mut one = hundred[index / 100].clone();
            one.fingerprint = finding(index as u64, vec![]).fingerprint;
            one.confidence = Confidence(0.5 + index as f32 / 40_000.0);
            one
        })
        .collect();
    let file = File::new(&many, &whole(), Secrets::Redacted);
    let mut page = browser.open(&file.path(), WIDE, LIGHT);
    assert_eq!(count(&mut page), "10,000 findings, 1 to 50 shown");
    assert!(page.get("document.querySelectorAll('*').length").as_u64().unwrap() < 3_000);
    // Some 30 ms on an idle machine; the bound is for a busy one.
    let time = "(() => { const from = performance.now(); byId('search').value = 'blue -file3'; search(); return performance.now() - from; })()";
    let milliseconds = page.get(time).as_f64().unwrap();
    assert!(milliseconds < 2_000.0, "{milliseconds} ms");
    assert_eq!(count(&mut page), "1,500 of 10,000 findings, 1 to 50 shown");
    page.picture("many");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn nothing_found_is_good_news_only_when_everything_was_scanned() {
    let Some(mut browser) = Browser::start() else { return };
    let clean = File::new(&[], &whole(), Secrets::Redacted);
    let mut page = browser.open(&clean.path(), WIDE, LIGHT);
    let shown = page.text("document.querySelector('main').innerText");
    assert!(shown.contains("No secrets found") && shown.contains("Everything asked for was scanned"), "{shown}");
    assert_eq!(page.get("getComputedStyle(document.getElementById('findings')).display"), "none");
    accessible(&mut page, "clean");
    page.picture("clean");
    let partial = File::new(&[], &summary(), Secrets::Redacted);
    let mut page = browser.open(&partial.path(), WIDE, DARK);
    let shown = page.text("document.querySelector('main').innerText");
    for part in ["But not everything was scanned", "Not scanned: 1 item", "a.bin", "Permission denied", "1 note"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    accessible(&mut page, "partial");
    page.picture("partial");
}

#[test]
fn on_paper_it_is_light_whole_and_open() {
    let Some(mut browser) = Browser::start() else { return };
    let file = File::new(&hundred(), &whole(), Secrets::Redacted);
    let mut page = browser.open(&file.path(), (800, 1_100), DARK);
    page.print_media();
    page.get("window.dispatchEvent(new Event('beforeprint'))");
    assert_eq!(page.get("document.querySelectorAll('.row.open').length"), 100);
    assert_eq!(page.text("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    for gone in [".toolbar", ".chips", ".tools", ".pager", ".copy"] {
        assert_eq!(page.text(&format!("getComputedStyle(document.querySelector('{gone}')).display")), "none", "{gone}");
    }
    assert_eq!(count(&mut page), "100 findings");
    page.picture("paper");
    page.get("window.dispatchEvent(new Event('afterprint'))");
    assert_eq!(page.get("document.querySelectorAll('.row').length"), 50);
}

#[test]
fn values_show_only_in_a_report_that_warns_of_them() {
    let Some(mut browser) = Browser::start() else { return };
    let findings = [finding(1, vec![on_disk("a", 1)])];
    let value = format!("acme_{}", random(32, 1));
    let shown = File::new(&findings, &whole(), Secrets::Shown);
    let mut page = browser.open(&shown.path(), WIDE, LIGHT);
    assert!(page.text("document.getElementById('clear-text').innerText").contains("This file holds secrets in clear"));
    assert!(!page.text("document.querySelector('.results').innerText").contains(&value));
    page.get("document.querySelector('.head').click()");
    assert!(page.text("document.querySelector('.detail').innerText").contains(&value));
    accessible(&mut page, "values shown");
    let hidden = File::new(&findings, &whole(), Secrets::Redacted);
    assert!(!std::fs::read_to_string(hidden.path()).unwrap().contains(&value));
    let mut page = browser.open(&hidden.path(), WIDE, LIGHT);
    assert_eq!(page.text("getComputedStyle(document.getElementById('clear-text')).display"), "none");
}
