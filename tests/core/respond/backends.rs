//! The engine against real vaults' backends: KV version 2 over the network, and a file; through a crash at every record.

use super::fakes::{Fake, Kind, Paper};
use crate::kv2::{ROOT, State, answer};
use crate::server::Server;
use std::sync::{Arc, Mutex};
use stopleak_core::Secret;
use stopleak_core::http::{Http, Settings as HttpSettings};
use stopleak_core::respond::journal::{Record as Entry, Records};
use stopleak_core::respond::plan;
use stopleak_core::respond::*;
use stopleak_core::vault::file::{LocalFile, Unlock};
use stopleak_core::vault::hashicorp::{Hashicorp, Kv, Login, Settings};
use stopleak_core::vault::several::Several;
use stopleak_core::vault::{Fields, Vault};

fn kv2() -> Hashicorp {
    let state = Arc::new(Mutex::new(State::new()));
    let server = Server::start(move |asked| answer(&mut state.lock().unwrap(), asked));
    let address = format!("http://{}", server.host);
    let settings = Settings { address, namespace: None, mount: "secret".into(), kv: Some(Kv::V2), allow_no_cas: false };
    let wire = Arc::new(Http::new(HttpSettings::default()).unwrap());
    Hashicorp::open(wire, &settings, &Login::Token(Secret::new(ROOT.as_bytes()))).unwrap()
}

fn file(fake: &Fake) -> LocalFile {
    let unlock = Unlock::Passphrase(Secret::new(b"of tests"), 1);
    LocalFile::open(&fake.folder.path().join("vault.age"), &unlock).unwrap()
}

/// The vault's entry, filled; the target that stands in it.
fn fill(vault: &dyn Vault, fake: &Fake) -> Target {
    let pairs = [("user", "app"), ("password", &*fake.old()), ("note", "keep me")];
    let fields: Fields =
        pairs.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value.as_bytes()))).collect();
    vault.write_if_version("prod:team/app", &fields, None).unwrap();
    let target = fake.target();
    let places = places_in(vault, "prod:team/app", &target.secret).unwrap();
    Target { places, ..target }
}

fn password(vault: &dyn Vault) -> String {
    let fields = vault.read("prod:team/app", None).unwrap().fields;
    assert_eq!(fields["note"].expose(), b"keep me");
    String::from_utf8(fields["password"].expose().to_vec()).unwrap()
}

fn go_on(fake: &Fake, vault: &dyn Vault, target: &Target, paper: &mut Paper) -> Report {
    let records: Records = paper.records.iter().map(|record| (String::new(), record.clone())).collect();
    let Entry::Begun { plan } = &paper.records[0] else { panic!("a journal begins with its plan") };
    let guard = Guard { escrow: "prod:stopleak/escrow".into(), ..fake.guard.clone() };
    let targets = std::slice::from_ref(target);
    let say = |_: &str| {};
    let world = World {
        responders: vec![fake],
        vault: Some(vault),
        verify: fake,
        audit: fake,
        clock: fake,
        announce: None,
        say: &say,
    };
    Run::new(plan.clone(), targets, &records, world, &guard, paper, fake.folder.path()).go()
}

/// Ends the process at a record, goes on, and looks whether all is well; whether it came so far.
fn crash(kind: Kind, make: &dyn Fn(&Fake) -> Box<dyn Vault>, at: usize) -> bool {
    let fake = Fake::new(kind);
    let inner = make(&fake);
    let vault = Several::new(vec![("prod".to_owned(), inner.as_ref())]);
    let target = fill(&vault, &fake);
    let plan = plan::make("run-1".into(), Action::Rotate, std::slice::from_ref(&target), &[&fake], &fake.wishes);
    let mut paper = Paper::new(&plan).dying(at, at.is_multiple_of(2));
    let died = go_on(&fake, &vault, &target, &mut paper).halted.is_some();
    let now = password(&vault);
    assert!([&now, &fake.old()].into_iter().any(|value| fake.is_alive(value)) || kind != Kind::TwoKeys, "{at}");
    paper.revive(None);
    let report = go_on(&fake, &vault, &target, &mut paper);
    assert_eq!(report.outcomes, [Outcome::ConfirmedDead], "{kind:?} {at}");
    assert_eq!(fake.living(), [password(&vault)], "{kind:?} {at}");
    let key = vault.read("prod:stopleak/escrow/run-1", None).unwrap();
    assert_eq!(key.fields["key"].expose(), b"used", "the key opens nothing any more");
    died
}

fn at_every_record(make: &dyn Fn(&Fake) -> Box<dyn Vault>) {
    for kind in [Kind::TwoKeys, Kind::Password] {
        let records = (0..).take_while(|at| crash(kind, make, *at)).count();
        assert!(records > 10, "{kind:?} wrote {records} records");
    }
}

#[test]
fn a_run_with_kv_version_2_is_taken_up_again_wherever_it_ended() {
    at_every_record(&|_| Box::new(kv2()));
}

#[test]
fn a_run_with_a_file_is_taken_up_again_wherever_it_ended() {
    at_every_record(&|fake| Box::new(file(fake)));
}
