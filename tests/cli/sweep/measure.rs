//! Figures of large sweeps, taken by hand; benches/sweep.md holds what they gave, and the commands.
//!
//! `STOPLEAK_TEST_REPOSITORIES` and `STOPLEAK_TEST_ROUNDS` make them larger, `STOPLEAK_TEST_BINARY` names a release to be measured.

use super::servers::{Server, free_port, nats_with, postgres_with};
use super::{Fleet, leak};
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What something took: time, processor time, bytes that were read by calls (packs are mapped, and not among them).
struct Cost {
    wall: Duration,
    cpu: f64,
    read: u64,
}

/// Processor time of this process's children that ended, and the bytes they read.
fn spent() -> (f64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().unwrap()).sum();
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap();
    (ticks as f64 / 100.0, read)
}

fn cost<T>(act: impl FnOnce() -> T) -> (T, Cost) {
    let (before, started) = (spent(), Instant::now());
    let done = act();
    let (wall, after) = (started.elapsed(), spent());
    (done, Cost { wall, cpu: after.0 - before.0, read: after.1 - before.1 })
}

fn state_size(fleet: &Fleet, state: &str) -> u64 {
    let files = fs::read_dir(fleet.path().join(state)).unwrap().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// A first sweep, one without anything new, and a third after one repository in a hundred got a commit; in several rounds.
fn again_and_again(fleet: &Fleet, count: u64) {
    println!(
        "| round | sweep | wall s | CPU s | of the first | read MB | of the first |\n|---|---|---|---|---|---|---|"
    );
    for round in 0..number("STOPLEAK_TEST_ROUNDS", 3) {
        let state = format!("s{round}");
        let mut first = None;
        for sweep in ["first", "nothing new", "nothing new", "1 % new"] {
            if sweep == "1 % new" {
                for name in (0..count).step_by(100) {
                    let text = format!("round {round}\n");
                    fleet.push(&format!("r{name:04}"), 1_000 + round, &[&[("own.txt", text.as_str())]]);
                }
            }
            let args = format!("run repos --state {state} --no-progress");
            let (run, cost) = cost(|| fleet.sweep(&args));
            assert_eq!(run.code, 1, "{}", run.stderr);
            let (cpu, read) = *first.get_or_insert((cost.cpu, cost.read));
            println!(
                "| {round} | {sweep} | {:.2} | {:.2} | {:.2} % | {:.2} | {:.2} % |",
                cost.wall.as_secs_f64(),
                cost.cpu,
                100.0 * cost.cpu / cpu,
                cost.read as f64 / 1e6,
                100.0 * cost.read as f64 / read as f64
            );
        }
        let size = state_size(fleet, &state);
        let status = fleet.sweep(&format!("status --state {state} --format json --repositories"));
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        let bytes = status["repository_list"].as_array().unwrap().iter().map(|one| one["bytes"].as_u64().unwrap());
        println!("state {:.1} MB; {:.1} MB of blobs scanned", size as f64 / 1e6, bytes.sum::<u64>() as f64 / 1e6);
        assert!(size < 200_000_000, "the state of 10,000 repositories is to stay below 200 MB");
    }
}

#[test]
#[ignore = "makes 10,000 repositories"]
fn small_repositories() {
    let (fleet, count) = (Fleet::new(), number("STOPLEAK_TEST_REPOSITORIES", 10_000));
    fleet.many(count);
    println!("{count} repositories of two commits, a secret in each");
    again_and_again(&fleet, count);
}

#[test]
#[ignore = "makes 500 repositories of 200 commits"]
fn grown_repositories() {
    let (fleet, count) = (Fleet::new(), number("STOPLEAK_TEST_REPOSITORIES", 500));
    (0..count).for_each(|number| grow(&fleet, number));
    println!("{count} repositories of 200 commits, 40 files and 60 references, a secret in every tenth");
    again_and_again(&fleet, count);
}

/// A repository as they are: lines of code that change a little with each commit, branches and tags.
fn grow(fleet: &Fleet, number: u64) {
    const WORDS: [&str; 16] = [
        "let", "value", "fn", "return", "if", "else", "match", "self", "request", "config", "error", "len", "name",
        "index", "result", "for",
    ];
    let mut chance = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = move |most: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % most as u64) as usize
    };
    let mut files: Vec<Vec<String>> = Vec::new();
    let mut commits: Vec<Vec<(String, String)>> = Vec::new();
    for commit in 0..200 {
        let mut changed = Vec::new();
        if commit < 40 {
            files.push((0..60 + below(120)).map(|_| line(&WORDS, &mut below)).collect());
            changed.push(files.len() - 1);
        }
        changed.push(below(files.len()));
        let mut written: Vec<(String, String)> = Vec::new();
        for file in changed {
            let at = below(files[file].len());
            files[file][at] = line(&WORDS, &mut below);
            written.push((format!("src/f{file}.rs"), files[file].join("\n") + "\n"));
        }
        commits.push(written);
    }
    if number.is_multiple_of(10) {
        commits[150].push(("deploy/app.env".into(), leak(number + 1)));
    }
    let own: Vec<Vec<(&str, &str)>> =
        commits.iter().map(|files| files.iter().map(|(name, text)| (&**name, &**text)).collect()).collect();
    let own: Vec<&[(&str, &str)]> = own.iter().map(Vec::as_slice).collect();
    let path = fleet.repo(&format!("r{number:04}"), &own);
    let git = |args: &[&str], input: &str| {
        let mut command = Command::new("git");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.arg("--git-dir").arg(&path).args(args).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    let names = (0..60).map(|at| format!("create refs/{}/n{at} main~{at}\n", if at < 40 { "tags" } else { "heads" }));
    git(&["update-ref", "--stdin"], &names.collect::<String>());
    git(&["pack-refs", "--all"], "");
}

fn line(words: &[&str], below: &mut impl FnMut(usize) -> usize) -> String {
    let text: Vec<String> =
        (0..4 + below(6)).map(|_| format!("{}_{}", words[below(words.len())], below(1_000))).collect();
    format!("    {};", text.join(" "))
}

/// Processor time of a group of processes: what lives of it, and what its members have waited for.
fn of_group(leader: u32) -> f64 {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        if fields.get(2).and_then(|group| group.parse().ok()) == Some(leader) {
            ticks += fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    ticks as f64 / 100.0
}

/// `stopleak sweep` on so many cores.
fn pinned(fleet: &Fleet, cores: &str, args: &str) -> Child {
    let plain = crate::command_in(fleet.path(), &format!("sweep {args}"));
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(plain.get_program()).args(plain.get_args()).current_dir(fleet.path());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
#[ignore = "makes 200 repositories of 200 commits"]
fn one_worker_and_two() {
    let (fleet, count) = (Fleet::new(), number("STOPLEAK_TEST_REPOSITORIES", 200));
    (0..count).for_each(|number| grow(&fleet, number));
    println!("| round | workers | wall s | CPU s | repositories/s |\n|---|---|---|---|---|");
    for round in 0..number("STOPLEAK_TEST_ROUNDS", 5) {
        for (workers, cores) in [(1, "0"), (2, "0,1")] {
            let args = format!("run repos --state t{round}w{workers} --no-progress --workers {workers}");
            let (_, cost) = cost(|| pinned(&fleet, cores, &args).wait().unwrap());
            told(round, &format!("{workers} threads"), count, &cost);
        }
        for processes in [1, 2] {
            over_servers(&fleet, count, round, processes, "repos", &["all new"]);
        }
    }
    let address = |number| format!("file://{}/repos/r{number:04}.git", fleet.path().display());
    let list: Vec<String> = (0..count).map(address).collect();
    fs::write(fleet.path().join("list"), list.join("\n")).unwrap();
    over_servers(&fleet, count, 0, 2, "list", &["remote, all new", "remote, nothing new"]);
}

fn told(round: u64, what: &str, count: u64, cost: &Cost) {
    let wall = cost.wall.as_secs_f64();
    println!("| {round} | {what} | {wall:.2} | {:.2} | {:.1} |", cost.cpu, count as f64 / wall);
}

/// Workers as processes of one core each, over PostgreSQL and NATS; what a job costs the servers.
fn over_servers(fleet: &Fleet, count: u64, round: u64, processes: usize, target: &str, sweeps: &[&str]) {
    let home = tempfile::TempDir::new().unwrap();
    let monitor = free_port();
    let Some(database) = postgres_with(home.path(), &["shared_preload_libraries=pg_stat_statements"]) else { return };
    let Some(queue) = nats_with(home.path(), &["-m", &monitor.to_string()]) else { return };
    ask(&database, "CREATE EXTENSION pg_stat_statements");
    let args = format!(
        "--state p{round}p{processes}{target} --store postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable \
         --queue nats://127.0.0.1:{} --no-progress --workers 1",
        database.port, queue.port
    );
    let ((), all) = cost(|| {
        let workers: Vec<Child> =
            (0..processes).map(|core| pinned(fleet, &core.to_string(), &format!("work {args}"))).collect();
        std::thread::sleep(Duration::from_millis(1_500));
        for sweep in sweeps {
            ask(&database, "SELECT pg_stat_statements_reset()");
            let before = (traffic(monitor), of_group(database.id()), of_group(queue.id()), Instant::now());
            // Who plans waits for the workers, and is no burden meanwhile.
            pinned(fleet, "0,1", &format!("run {target} --no-work {args}")).wait().unwrap();
            let wall = before.3.elapsed().as_secs_f64();
            println!("| {round} | {processes} processes, {sweep} | {wall:.2} | | {:.1} |", count as f64 / wall);
            let each = |before: f64, after: f64| 1e3 * (after - before) / count as f64;
            let (database_ms, queue_ms) =
                (each(before.1, of_group(database.id())), each(before.2, of_group(queue.id())));
            println!("  a job: {database_ms:.2} ms of PostgreSQL's CPU, {queue_ms:.2} ms of NATS's");
            let names = ["messages to NATS", "messages from it", "bytes to it", "bytes from it"];
            for (name, (before, after)) in names.iter().zip(before.0.iter().zip(traffic(monitor))) {
                println!("  a job: {name} {:.1}", (after - before) as f64 / count as f64);
            }
            if round == 0 && processes == 2 {
                println!("{}", ask(&database, STATEMENTS));
            }
        }
        for worker in &workers {
            Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap();
        }
        workers.into_iter().for_each(|mut worker| _ = worker.wait());
    });
    println!("  {:.2} s of CPU in the workers and who planned", all.cpu);
}

/// Calls, milliseconds in all, and the statement.
const STATEMENTS: &str = "SELECT calls, round(total_exec_time::numeric, 1), left(regexp_replace(query, '\\s+', ' ', 'g'), 100) \
    FROM pg_stat_statements ORDER BY calls DESC LIMIT 25";

/// What `psql` says.
fn ask(database: &Server, sql: &str) -> String {
    let psql = super::servers::find("psql").unwrap();
    let address = format!("postgres://sweep@127.0.0.1:{}/postgres?sslmode=disable", database.port);
    let output = Command::new(psql).args(["-X", "-A", "-t", "-c", sql]).arg(address).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Messages and bytes to NATS and from it so far.
fn traffic(monitor: u16) -> [u64; 4] {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", monitor)).unwrap();
    stream.write_all(b"GET /varz HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let varz: serde_json::Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    ["in_msgs", "out_msgs", "in_bytes", "out_bytes"].map(|name| varz[name].as_u64().unwrap())
}
