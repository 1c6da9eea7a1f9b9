//! What sweeps know beside findings, and the page that is live.

use super::*;
use stopleak_core::report::{Tracked, Viewer};

/// A secret in 400 repositories, as a sweep knows it, and a past of 40 days.
fn swept() -> (Vec<Record>, Summary) {
    let place = |number: u32| {
        let path = format!("git.example/org/app{number:03}/src/settings.env");
        let mut place = in_history(&path, 4, (number % 100) as u8, NOW - i64::from(number) * DAY);
        place.in_head = Some(number.is_multiple_of(3));
        place
    };
    let mut everywhere = Record::new(&finding(1, (0..400).map(place).collect()), Secrets::Redacted);
    everywhere.places.iter_mut().for_each(|place| {
        place.repository = place.path.as_ref().map(|path| path.split("/src/").next().unwrap().to_owned());
    });
    let tracked = |id: &str, state: &str| Tracked {
        finding: id.into(),
        state: state.into(),
        first_seen: "2025-09-01T00:00:00Z".into(),
        last_seen: "2025-10-09T00:00:00Z".into(),
        repositories: 400,
        owners: vec!["@org/secrets".into(), HOSTILE.into()],
        version: "0.0".into(),
        ..Tracked::default()
    };
    everywhere.tracked = Some(Tracked { returned: Some("2025-10-01T00:00:00Z".into()), ..tracked("aa", "open") });
    let mut known = Record::new(&finding(2, vec![in_history("b/b.env", 1, 2, NOW - DAY)]), Secrets::Redacted);
    known.tracked = Some(Tracked {
        reason: Some(HOSTILE.into()),
        until: Some("2026-02-01T00:00:00Z".into()),
        by: Some("ann".into()),
        repositories: 1,
        ..tracked("bb", "acknowledged")
    });
    let day = |number: i64| {
        let counts = [
            ("open", 40 - number as u64),
            ("acknowledged", number as u64 / 2),
            ("revoked", number as u64 / 3),
            ("new", 1),
        ];
        let counts = counts.into_iter().map(|(state, count)| (state.to_owned(), count)).collect();
        (stopleak_core::time::date(NOW - (40 - number) * DAY), counts)
    };
    // Some days have no record.
    let trend = (0..40).filter(|number| number % 5 != 2).map(day).collect();
    (vec![everywhere, known], Summary { trend, ..whole() })
}

#[test]
fn a_sweep_shows_its_trend_and_one_secret_in_many_repositories_is_one_row() {
    let Some(mut browser) = Browser::start() else { return };
    let (records, summary) = swept();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("sweep.html");
    std::fs::write(&file, written(|out| Box::new(Html::new(out, NOW)), &records, &summary)).unwrap();
    for (scheme, features) in [("light", LIGHT), ("dark", DARK)] {
        for size in [WIDE, (360, 740)] {
            let mut page = browser.open(&file, size, features);
            assert_eq!(count(&mut page), "2 findings");
            assert_eq!(page.get("document.querySelectorAll('.trend-picture path').length"), 3);
            let words = page.text("document.querySelector('.trend-picture svg').getAttribute('aria-label')");
            assert!(
                words.contains("open 40, acknowledged 0, revoked 0") && words.contains("open 1, acknowledged 19"),
                "{words}"
            );
            page.get("document.querySelector('#trend summary').click()");
            assert_eq!(page.get("document.querySelectorAll('#trend tbody tr').length"), 32);
            page.get("document.querySelector('.head').click()");
            accessible(&mut page, &format!("{scheme} {size:?}, sweep"));
            page.picture(&format!("sweep-{scheme}-{}", size.0));
            let shown = page.text("document.querySelector('.detail').innerText");
            for part in [
                "400 REPOSITORIES",
                "400 PLACES",
                "Show 392 more repositories",
                "Show 388 more places",
                "1 Sept 2025",
                "@org/secrets",
                "on 1 Oct 2025, after it was ended",
            ] {
                assert!(shown.contains(part), "{part}: {shown}");
            }
            assert!(page.get("document.querySelectorAll('*').length").as_u64().unwrap() < 1_500);
            page.get("byId('search').value = 'repo:app399'; search()");
            assert_eq!(count(&mut page), "1 of 2 findings");
            page.get("byId('search').value = ''; search()");
            click(&mut page, "tracked", "acknowledged");
            assert_eq!(names(&mut page).len(), 1);
            page.get("document.querySelector('.head').click()");
            assert!(
                page.text("document.querySelector('.detail').innerText")
                    .contains("Acknowledged, open again on 1 Feb 2026 · said by ann")
            );
            assert_eq!(page.get("document.querySelectorAll('[data-say]').length"), 0, "a file says nothing to anybody");
            assert_eq!(page.text("typeof window.hurt"), "undefined");
            assert_eq!((page.complaints(), page.requests().len()), (Vec::new(), 1));
        }
    }
}

#[test]
fn only_a_live_page_may_ask_and_only_its_own_server() {
    let viewer = Viewer { name: "</script>".into(), triages: true, logs_out: false, token: "x".into() };
    let mut out = Vec::new();
    let mut live = Html::live(&mut out, NOW, viewer);
    live.record(&Record::new(&hostile(), Secrets::Redacted)).unwrap();
    live.finish(&whole()).unwrap();
    drop(live);
    let text = String::from_utf8(out).unwrap();
    let policy = text.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(format!("{policy}; frame-ancestors 'none'"), Html::live_policy());
    assert!(policy.contains("connect-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(text.matches("</script").count(), 2);
    for word in ["innerHTML", "eval(", "XMLHttpRequest", "{{"] {
        assert!(!text.contains(word), "{word}");
    }
}
