//! Whatever is killed, and whenever: every repository is scanned, and each finding is stored once.

use super::servers::{Network, kill_group, nats, postgres};
use super::{Fleet, found};
use std::io::{BufRead, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Chance that can be repeated: `STOPLEAK_TEST_SEED` begins it elsewhere.
struct Chance(u64);

impl Chance {
    fn new(test: u64) -> Chance {
        let seed = std::env::var("STOPLEAK_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        Chance((test + seed * 1_000).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// How often a test is done: more when `STOPLEAK_TEST_ROUNDS` says so.
fn rounds() -> u64 {
    std::env::var("STOPLEAK_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A sweep that leads its own group, so that its children end with it.
fn start(fleet: &Fleet, args: &str) -> Child {
    let mut command = crate::command_in(fleet.path(), &format!("sweep {args}"));
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
    let log = std::fs::OpenOptions::new().create(true).append(true).open(fleet.path().join("log")).unwrap();
    command.stderr(log).spawn().unwrap()
}

/// What an undisturbed sweep finds.
fn undisturbed(fleet: &Fleet) -> Vec<(String, u64, u64)> {
    fleet.sweep("run repos --state calm --no-progress");
    let run = fleet.sweep("status --state calm --format json --findings");
    found(&serde_json::from_str(&run.stdout).unwrap())
}

#[test]
fn a_sweep_that_is_killed_at_any_point_loses_nothing_and_finds_nothing_twice() {
    for round in 0..rounds() {
        let (fleet, mut chance) = (Fleet::new(), Chance::new(round));
        fleet.many(40);
        let expected = undisturbed(&fleet);
        let mut kills = 0;
        for _ in 0..12 {
            let args = "run repos --state state --no-progress --retry-after 0 --lease 1 --part 2 --workers 2";
            let mut child = start(&fleet, args);
            std::thread::sleep(Duration::from_millis(15 + chance.below(120)));
            let is_over = child.try_wait().unwrap().is_some();
            kill_group(&mut child);
            if is_over {
                break;
            }
            kills += 1;
        }
        let run = fleet.run("--lease 1");
        let (status, _) = fleet.status();
        let log = std::fs::read_to_string(fleet.path().join("log")).unwrap_or_default();
        assert_eq!(status["repositories"], serde_json::json!({ "scanned": 40 }), "round {round}: {log}{}", run.stderr);
        assert_eq!(found(&status), expected, "round {round}");
        assert!(kills > 0, "round {round}: nothing was killed");
        eprintln!("round {round}: killed {kills} times");
    }
}

#[test]
fn a_large_repository_goes_on_where_it_was_interrupted() {
    let fleet = Fleet::new();
    let files: Vec<(String, String)> =
        (0..300).map(|n| (format!("f{n}.txt"), format!("text {n}\n").repeat(400))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    fleet.repo("large", &[&files]);
    let blobs = |fleet: &Fleet| {
        let list = fleet.status().0["repository_list"].clone();
        (list[0]["blobs"].as_u64().unwrap(), list[0]["shared"].as_u64().unwrap(), list[0]["status"].clone())
    };
    let args = "sweep run repos --state state --no-progress --lease 1 --part 5 --workers 1 --metrics 127.0.0.1:0";
    let mut child = crate::command_in(fleet.path(), args).process_group(0).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned();
    let deadline = Instant::now() + Duration::from_secs(30);
    while scanned_so_far(&address) < 30 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_group(&mut child);
    let run = fleet.run("--lease 1 --part 5");
    let (scanned, shared, status) = blobs(&fleet);
    // The part that was interrupted is done again, and nothing of those before it.
    assert_eq!(
        (status, scanned < 300, scanned + shared >= 300),
        ("scanned".into(), true, true),
        "{scanned} {shared} {}",
        run.stderr
    );
}

/// Blobs, as the figures say.
fn scanned_so_far(address: &str) -> u64 {
    let mut text = String::new();
    if let Ok(mut stream) = std::net::TcpStream::connect(address) {
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
        let _ = stream.read_to_string(&mut text);
    }
    let line = text.lines().find_map(|line| line.strip_prefix("stopleak_sweep_blobs_total "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Workers over PostgreSQL and perhaps NATS, disturbed in every way.
struct Storm {
    fleet: Fleet,
    args: String,
    workers: Vec<Child>,
}

impl Storm {
    fn worker(&self) -> Child {
        start(&self.fleet, &format!("work {}", self.args))
    }

    fn is_over(&self, store: &str) -> bool {
        let run = self.fleet.sweep(&format!("status --state state --store {store} --format json"));
        let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let jobs = &status["jobs"];
        jobs["waiting"] == 0
            && jobs["leased"] == 0
            && status["repositories"].is_object()
            && status["last_run"].is_string()
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(kill_group);
    }
}

fn storm(with_queue: bool, repositories: u64, round: u64) {
    let (fleet, mut chance) = (Fleet::new(), Chance::new(100 + round));
    let Some(mut database) = postgres(fleet.path()) else { return };
    let mut queue = None;
    if with_queue {
        queue = nats(fleet.path());
        if queue.is_none() {
            return;
        }
    }
    fleet.many(repositories);
    let expected = undisturbed(&fleet);
    let to_database = Network::to(database.port);
    let to_queue = queue.as_ref().map(|queue| Network::to(queue.port));
    let direct = format!("postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable", database.port);
    let store = format!("postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable", to_database.port);
    let mut args =
        format!("--state state --store {store} --no-progress --retry-after 0 --lease 2 --part 2 --workers 1");
    if let Some(network) = &to_queue {
        args += &format!(" --queue nats://127.0.0.1:{}", network.port);
    }
    let mut storm = Storm { fleet, args, workers: Vec::new() };
    // The plan is a process as any other, and killed as they are; begun anew it goes on.
    let mut planner = start(&storm.fleet, &format!("run repos --no-work {}", storm.args));
    storm.workers = (0..3).map(|_| storm.worker()).collect();
    for _ in 0..14 {
        std::thread::sleep(Duration::from_millis(200 + chance.below(500)));
        match chance.below(6) {
            0 | 1 => {
                let which = chance.below(3) as usize;
                kill_group(&mut storm.workers[which]);
                storm.workers[which] = storm.worker();
            }
            2 => {
                database.kill();
                std::thread::sleep(Duration::from_millis(chance.below(700)));
                database.restart();
            }
            3 if queue.is_some() => {
                let queue = queue.as_mut().unwrap();
                queue.kill();
                std::thread::sleep(Duration::from_millis(chance.below(700)));
                queue.restart();
            }
            4 => {
                to_database.cut();
                std::thread::sleep(Duration::from_millis(chance.below(1_500)));
                to_database.mend();
            }
            _ => {
                if let Some(network) = &to_queue {
                    network.cut();
                    std::thread::sleep(Duration::from_millis(chance.below(1_500)));
                    network.mend();
                }
                if planner.try_wait().unwrap().is_none() {
                    kill_group(&mut planner);
                    planner = start(&storm.fleet, &format!("run repos --no-work {}", storm.args));
                }
            }
        }
        // Who gave up is replaced, as a service would be.
        for at in 0..storm.workers.len() {
            if storm.workers[at].try_wait().unwrap().is_some() {
                storm.workers[at] = storm.worker();
            }
        }
    }
    kill_group(&mut planner);
    storm.workers.push(start(&storm.fleet, &format!("run repos --no-work {}", storm.args)));
    let deadline = Instant::now() + Duration::from_secs(240);
    while !storm.is_over(&direct) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(500));
    }
    let run = storm.fleet.sweep(&format!("status --state state --store {direct} --format json --findings"));
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let log = std::fs::read_to_string(storm.fleet.path().join("log")).unwrap_or_default();
    assert_eq!(status["repositories"], serde_json::json!({ "scanned": repositories }), "round {round}: {status} {log}");
    assert_eq!(found(&status), expected, "round {round}: {log}");
    eprintln!("round {round}: {repositories} repositories are scanned, and each finding is there once");
}

#[test]
fn three_workers_over_postgresql_survive_the_loss_of_anything() {
    (0..rounds()).for_each(|round| storm(false, 60, round));
}

#[test]
fn three_workers_over_nats_and_postgresql_survive_the_loss_of_anything() {
    (0..rounds()).for_each(|round| storm(true, 200, round));
}
