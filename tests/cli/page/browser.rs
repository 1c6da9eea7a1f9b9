//! The live page as people use it, in a real browser.

use super::{ANN, SETTINGS, Site, TOKENS, swept};
use crate::chromium::{Browser, DARK, LIGHT, Page};
use crate::sweep::{Fleet, leak};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use stopleak_core::sweep::{Store, StoreKey};

const WIDE: (u32, u32) = (1_400, 1_000);
const NARROW: (u32, u32) = (380, 800);

fn accessible(page: &mut Page<'_>, state: &str) {
    let problems = page.get(include_str!("../../core/report/accessible.js"));
    assert_eq!(problems, json!([]), "{state}");
}

fn log_in(page: &mut Page<'_>) {
    assert_eq!(page.text("document.activeElement.id"), "token", "the field has the focus");
    page.type_text(ANN);
    page.arrive(|page| page.key("Enter"));
}

/// A store with a past: counts of the days before today.
fn with_past(fleet: Fleet) -> Fleet {
    let state = fleet.path().join("state");
    let key = StoreKey::in_file(&state.join("store.key"), |_| panic!("the key is there")).unwrap();
    let store = Store::in_file(&state.join("sweep.db"), key).unwrap();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    for (ago, open, known, dead) in
        [(60_i64, 9_i64, 0_i64, 0_i64), (45, 12, 1, 0), (44, 9, 3, 1), (20, 7, 3, 4), (6, 5, 2, 6), (1, 3, 1, 9)]
    {
        let day = stopleak_core::time::date(today - ago * 86_400);
        for (word, count) in [
            ("open", open),
            ("acknowledged", known),
            ("revoked", dead),
            ("rotated", dead / 2),
            ("false-positive", 1),
            ("new", open / 4),
        ] {
            let sql = format!("INSERT INTO days (day, state, findings) VALUES ('{day}', '{word}', {count})");
            store.with(|session| session.run(&sql, &[]).map(|_| ())).unwrap();
        }
    }
    fleet
}

fn many() -> Fleet {
    let fleet = Fleet::new();
    fleet.repo("shop", &[&[("a.env", &leak(16)), ("CODEOWNERS", "*.env @org/secrets\n")]]);
    fleet.many(40);
    assert_eq!(fleet.run("").code, 1);
    with_past(fleet)
}

#[test]
fn a_person_logs_in_acknowledges_a_finding_and_it_stays_so() {
    let Some(mut browser) = Browser::start() else { return };
    let site = Site::new(with_past(swept()), &format!("{SETTINGS}{TOKENS}"));
    let url = format!("http://{}/", site.address);
    let mut page = browser.visit(&url, WIDE, LIGHT);
    assert!(page.text("location.pathname") == "/login");
    page.picture("login");
    log_in(&mut page);
    assert_eq!(page.text("location.pathname"), "/");
    assert_eq!(page.text("document.getElementById('count').textContent"), "2 of 2 findings");
    accessible(&mut page, "all closed");
    page.picture("live");
    // By keys alone: to the first finding, open it, to the button, write, save.
    page.key("j");
    page.key("Enter");
    page.until("document.querySelectorAll('.row.open').length === 1");
    accessible(&mut page, "open");
    page.get("document.querySelector('[data-say=acknowledged]').focus()");
    page.key("Enter");
    assert_eq!(page.text("document.activeElement.name"), "reason");
    page.key("Enter");
    page.until("document.querySelector('.problem')?.textContent.startsWith('Say why')");
    assert_eq!(page.text("document.activeElement.name"), "reason");
    page.type_text("rotation planned");
    page.get("(() => { const until = document.querySelector('[name=until]'); until.value = '2999-01-31'; until.dispatchEvent(new Event('input')); })()");
    accessible(&mut page, "writing");
    page.picture("writing");
    page.get("document.querySelector('[name=reason]').focus()");
    page.key("Enter");
    page.until("document.querySelector('.row .badge.medium')?.textContent === 'Acknowledged'");
    assert!(page.text("document.querySelector('.detail').innerText").contains("said by ann"));
    assert_eq!(page.text("document.activeElement.className"), "head", "the keyboard stays where it was");
    page.picture("acknowledged");
    assert_eq!(page.complaints(), Vec::<String>::new());
    // It is not among the open ones, and there when one looks for it.
    page.go(&url);
    assert_eq!(page.text("document.getElementById('count').textContent"), "1 of 2 findings");
    page.get("document.querySelector('#chips [data-facet=tracked][data-key=acknowledged]').click()");
    page.get("document.querySelector('#chips [data-facet=tracked][data-key=open]').click()");
    assert_eq!(page.text("document.getElementById('count').textContent"), "1 of 2 findings");
    page.get("document.querySelector('.head').click()");
    let shown = page.text("document.querySelector('.detail').innerText");
    for part in ["Acknowledged, open again on 1 Feb 2999", "rotation planned", "First seen", "Owners"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    page.reload();
    assert_eq!(page.text("document.querySelector('.row .badge.medium').textContent"), "Acknowledged");
    assert_eq!(site.entries().len(), 2);
    // Whoever leaves is out.
    page.arrive(|page| _ = page.get("document.getElementById('leave').click()"));
    assert_eq!(page.text("location.pathname"), "/login");
    page.go(&url);
    assert_eq!(page.text("location.pathname"), "/login");
}

#[test]
fn what_others_say_meanwhile_is_shown_before_anything_is_done() {
    let Some(mut browser) = Browser::start() else { return };
    let site = Site::new(swept(), &format!("{SETTINGS}{TOKENS}"));
    let mut page = browser.visit(&format!("http://{}/", site.address), WIDE, LIGHT);
    log_in(&mut page);
    let id = page.text("findings[0].finding.tracked.finding");
    assert_eq!(site.fleet.sweep(&format!("ack {id} --as false-positive --reason sample --state state")).code, 0);
    page.get("document.querySelector('.head').click()");
    page.get("document.querySelector('[data-say=revoked]').click()");
    page.type_text("done");
    page.key("Enter");
    page.until("document.querySelector('.problem')?.textContent.includes('Meanwhile it changed: No secret')");
    assert_eq!(page.text("document.querySelector('[name=reason]').value"), "done", "what was written is not lost");
    page.picture("overtaken");
    page.get("document.querySelector('.say').requestSubmit()");
    page.until("findings[0].finding.tracked.state === 'revoked'");
    // What was said elsewhere comes with a refresh; the list keeps its place.
    assert_eq!(site.fleet.sweep(&format!("reopen {id} --state state")).code, 0);
    page.get("document.getElementById('refresh').click()");
    page.until("findings[0].finding.tracked.state === 'open'");
    assert_eq!(page.get("document.querySelectorAll('.row.open').length"), json!(1));
}

#[test]
fn the_page_is_readable_and_in_reach_for_everyone() {
    let Some(mut browser) = Browser::start() else { return };
    let site = Site::new(many(), &format!("{SETTINGS}{TOKENS}"));
    let mut begun = false;
    for (scheme, features) in [("light", LIGHT), ("dark", DARK)] {
        for size in [WIDE, NARROW] {
            let mut page = browser.visit(&format!("http://{}/", site.address), size, features);
            if !begun {
                log_in(&mut page);
                begun = true;
            }
            accessible(&mut page, &format!("{scheme} {size:?}"));
            page.picture(&format!("page-{scheme}-{}", size.0));
            page.get("document.querySelector('#trend summary').click()");
            page.get("sort.value = 'places'; sort.dispatchEvent(new Event('change'))");
            page.get("document.querySelector('.head').click()");
            page.get("document.querySelector('[data-say=acknowledged]').click()");
            accessible(&mut page, &format!("{scheme} {size:?}, open"));
            page.get("document.querySelector('.row').scrollIntoView()");
            page.picture(&format!("page-{scheme}-{}-open", size.0));
            assert_eq!(page.complaints(), Vec::<String>::new());
            let elsewhere: Vec<String> = page
                .requests()
                .into_iter()
                .filter(|url| !url.contains(&site.address) && !url.starts_with("data:"))
                .collect();
            assert_eq!(elsewhere, Vec::<String>::new());
        }
    }
    let mut page = browser.visit(&format!("http://{}/", site.address), (800, 1_100), LIGHT);
    page.print_media();
    page.get("window.dispatchEvent(new Event('beforeprint'))");
    assert!(
        page.get("document.querySelector('.trend-picture svg').getBoundingClientRect().height > 50").as_bool().unwrap()
    );
    page.picture("page-paper");
}
