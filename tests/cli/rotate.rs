//! Replacing secrets by the command line, with real servers and real vaults: a plan changes nothing, nothing is lost.

use super::kv2::{self, ROOT, State};
use super::made::random;
use super::server::{Asked, Reply, Server};
use super::support::servers::{find, moto, postgres};
use super::{Project, Run};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stopleak_core::Secret;
use stopleak_core::vault::file::{LocalFile, Unlock};
use stopleak_core::vault::{Fields, Vault};

fn run(project: &Project, args: &str, variables: &[(&str, &str)]) -> Run {
    finish(command(project, args, variables), b"")
}

fn command(project: &Project, args: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = project.command(args);
    for name in
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
    {
        command.env_remove(name);
    }
    ["VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"].into_iter().for_each(|name| _ = command.env_remove(name));
    command.env("XDG_STATE_HOME", project.path().join("state")).envs(variables.iter().copied());
    command
}

fn finish(mut command: Command, input: &[u8]) -> Run {
    use std::io::Write;
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A role of a database, its password leaked.
struct Leak<'s> {
    server: &'s postgres::Postgres,
    role: String,
    old: String,
}

impl<'s> Leak<'s> {
    fn new(server: &'s postgres::Postgres, role: &str, seed: u64) -> Leak<'s> {
        let old = random(20, seed);
        server.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{old}'"));
        Leak { server, role: role.to_owned(), old }
    }

    fn url(&self) -> String {
        format!("postgres://{}:{}@{}/postgres", self.role, self.old, self.server.running.host())
    }

    /// Whether the server takes an address like ours.
    fn takes(&self, url: &str) -> bool {
        let mut psql = Command::new(find("psql", "PostgreSQL").expect("it stands beside its server"));
        psql.args([url, "-At", "-c", "SELECT 1"]).env("PGSSLMODE", "disable").env("PSQLRC", "/dev/null");
        psql.output().unwrap().status.success()
    }

    /// The leaked file, scanned.
    fn project(&self, settings: &str) -> Project {
        let project =
            Project::new().file("a.env", format!("DATABASE_URL={}\n", self.url())).file("team.toml", settings);
        assert_eq!(project.run("scan --format json=leaks.json --quiet a.env").code, 1);
        project
    }

    /// The vault has an address that works, and the old one does not.
    fn assert_rotated(&self, url: &str) {
        assert!(url != self.url() && self.takes(url), "the vault's value works");
        assert!(!self.takes(&self.url()), "the old value is dead");
    }
}

/// A vault over the network with one entry.
fn vault(path: &str, data: Value) -> (Arc<Mutex<State>>, Server) {
    let mut state = State { engines: Some(audit), ..State::new() };
    state.put(path, data);
    let state = Arc::new(Mutex::new(state));
    let inner = Arc::clone(&state);
    let server = Server::start(move |asked| kv2::answer(&mut inner.lock().unwrap(), asked));
    (state, server)
}

/// The hash under which the log knows a value; any that differs for each value does.
fn hash(value: &str) -> String {
    let hex: String = value.bytes().map(|byte| format!("{:02x}", byte ^ 0x5a)).collect();
    format!("hmac-sha256:{hex}")
}

fn audit(_: &mut State, asked: &Asked, path: &str, body: &Value, _: &str) -> Option<Reply> {
    let data = match (asked.method.as_str(), path) {
        ("GET", "sys/audit") => json!({ "file/": { "type": "file", "path": "file/" } }),
        ("POST", "sys/audit-hash/file") => json!({ "hash": hash(body["input"].as_str()?) }),
        _ => return None,
    };
    Some(Reply::new(200, json!({ "data": data }).to_string()))
}

fn settings(server: &Server) -> String {
    format!("[[vault]]\nname = 'team'\nkind = 'vault'\naddress = 'http://{}'\n", server.host)
}

/// Requests that change something.
fn changes(server: &Server) -> usize {
    let harmless = |path: &str| path.contains("sys/capabilities-self") || path.contains("sys/audit-hash");
    let asked = server.asked().into_iter();
    asked.filter(|asked| !matches!(asked.method.as_str(), "GET" | "LIST") && !harmless(&asked.path)).count()
}

const ROTATE: &str = "rotate leaks.json a.env --config team.toml --verify-host 127.0.0.1";

#[test]
fn a_plan_changes_nothing_and_execute_replaces_the_password_in_the_file() {
    let Some(server) = postgres::postgres("", None) else { return };
    let leak = Leak::new(&server, "app", 71);
    let project = leak.project("[[vault]]\nname = 'team'\nkind = 'file'\npath = 'vault.age'\nwork-factor = 1\n");
    let unlock = Unlock::Passphrase(Secret::new(b"of tests"), 1);
    let open = || LocalFile::open(&project.path().join("vault.age"), &unlock).unwrap();
    let secret = |text: &str| Secret::new(text.as_bytes());
    let fields = Fields::from([("url".into(), secret(&leak.url())), ("note".into(), secret("keep me"))]);
    open().write_if_version("app/db", &fields, None).unwrap();
    let before = std::fs::read(project.path().join("vault.age")).unwrap();
    let env = [("STOPLEAK_VAULT_PASSPHRASE", "of tests")];

    let unvaulted = run(&project, ROTATE, &env);
    assert!(unvaulted.code == 2 && unvaulted.stdout.contains("--entry"), "{} {}", unvaulted.stdout, unvaulted.stderr);
    let wrong = run(&project, &format!("{ROTATE} --entry team:app/db#note"), &env);
    assert!(wrong.code == 2 && wrong.stderr.contains("holds none of these values"), "{}", wrong.stderr);
    let planned = run(&project, &format!("{ROTATE} --entry team:app/db#url"), &env);
    assert_eq!(planned.code, 0, "{} {}", planned.stdout, planned.stderr);
    assert!(planned.stdout.contains("write team:app/db#url"), "{}", planned.stdout);
    assert_eq!(std::fs::read(project.path().join("vault.age")).unwrap(), before);
    assert!(leak.takes(&leak.url()) && !project.path().join("state/stopleak/runs").exists());

    // The name of the only vault may be left out, and the field that holds it.
    let done = run(&project, &format!("{ROTATE} --entry app/db --execute --yes"), &env);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    let fields = open().read("app/db", None).unwrap().fields;
    assert_eq!(fields["note"].expose(), b"keep me");
    let url = String::from_utf8(fields["url"].expose().to_vec()).unwrap();
    leak.assert_rotated(&url);
    let word = url.split(['@', ':']).nth(2).unwrap();
    for text in [planned.stdout, planned.stderr, done.stdout, done.stderr, project.read("state/stopleak/audit.jsonl")] {
        assert!(!text.contains(&leak.old) && !text.contains(word));
    }
}

#[test]
fn the_index_finds_the_entry_and_somebody_elses_write_is_kept() {
    let Some(server) = postgres::postgres("", None) else { return };
    for (role, seed, theirs) in [("one", 72, false), ("two", 73, true)] {
        let leak = Leak::new(&server, role, seed);
        let (state, kv) = vault("app/db", json!({ "url": leak.url(), "note": "1" }));
        let project = leak.project(&settings(&kv));
        let env = [("VAULT_TOKEN", ROOT)];
        let index = run(&project, "vault index --config team.toml -o vault.idx", &env);
        assert_eq!(index.code, 0, "{}", index.stderr);
        let rotate = format!("{ROTATE} --vault-index vault.idx");
        let before = changes(&kv);
        let planned = run(&project, &rotate, &env);
        assert_eq!(planned.code, 0, "{} {}", planned.stdout, planned.stderr);
        assert!(planned.stdout.contains("team:app/db#url"), "{}", planned.stdout);
        assert_eq!(changes(&kv), before, "a plan changes nothing");
        // Another field is merged; of the same field the other's value stays, and ours is not used.
        let meddled = match theirs {
            true => json!({ "url": "theirs", "note": "1" }),
            false => json!({ "url": leak.url(), "note": "2" }),
        };
        state.lock().unwrap().meddler = Some(("app/db".into(), meddled));
        let done = run(&project, &format!("{rotate} --execute --yes"), &env);
        let now = state.lock().unwrap().current("app/db");
        match theirs {
            true => {
                assert_eq!(done.code, 2, "{} {}", done.stdout, done.stderr);
                assert!(done.stdout.contains("declined"), "{}", done.stdout);
                assert!(now["url"] == "theirs" && leak.takes(&leak.url()));
            }
            false => {
                assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
                assert_eq!(now["note"], "2");
                leak.assert_rotated(now["url"].as_str().unwrap());
            }
        }
    }
}

#[test]
fn what_stands_twice_is_blocked_until_one_is_named() {
    let Some(server) = postgres::postgres("", None) else { return };
    let leak = Leak::new(&server, "app", 74);
    let (state, kv) = vault("app/db", json!({ "url": leak.url() }));
    state.lock().unwrap().put("old/db", json!({ "url": leak.url() }));
    let other = settings(&kv).replace("'team'", "'other'");
    let project = leak.project(&(settings(&kv) + &other));
    let env = [("VAULT_TOKEN", ROOT)];
    let both = format!("{ROTATE} --entry team:app/db --entry other:old/db#url");
    let blocked = run(&project, &both, &env);
    assert_eq!(blocked.code, 2);
    assert!(
        blocked.stdout.contains("2 fields of the vault hold it (other:old/db#url, team:app/db#url)"),
        "{}",
        blocked.stdout
    );
    let unnamed = run(&project, &format!("{ROTATE} --entry app/db"), &env);
    assert!(unnamed.code == 2 && unnamed.stderr.contains("names no vault"), "{}", unnamed.stderr);
    assert_eq!(run(&project, &format!("{ROTATE} --entry team:app/db"), &env).code, 0);
    assert_eq!(changes(&kv), 0);
}

/// Until a run came to its end: what it printed.
fn go_on(project: &Project, rotate: &str, env: &[(&str, &str)]) -> Run {
    let runs = || {
        let entries = std::fs::read_dir(project.path().join("state/stopleak/runs")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".jsonl").map(str::to_owned)).next()
    };
    let resume = runs().map(|run| format!(" --resume {run}")).unwrap_or_default();
    let again = run(project, &format!("{rotate} --execute --yes{resume}"), env);
    match again.stderr.contains("begins with no plan") {
        // It was killed before it wrote its plan: nothing was done.
        true => {
            std::fs::remove_dir_all(project.path().join("state/stopleak/runs")).unwrap();
            go_on(project, rotate, env)
        }
        false => again,
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_loses_nothing() {
    let Some(server) = postgres::postgres("", None) else { return };
    let round = |number: u64| {
        let leak = Leak::new(&server, &format!("app{number}"), 80 + number);
        let (state, kv) = vault("app/db", json!({ "url": leak.url() }));
        let project = leak.project(&settings(&kv));
        let env = [("VAULT_TOKEN", ROOT)];
        let rotate = format!("{ROTATE} --entry team:app/db#url");
        let mut killed = command(&project, &format!("{rotate} --execute --yes"), &env).spawn().unwrap();
        // Most of the changes are made in the seconds after its start.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
        let least = (0..400).find(|_| {
            std::thread::sleep(Duration::from_millis(10));
            changes(&kv) > 0
        });
        std::thread::sleep(Duration::from_millis(u64::from(now) % 100 * number / 2));
        // SIGKILL: nothing is tidied up.
        killed.kill().unwrap();
        let was_alive = killed.wait().unwrap().code().is_none();
        let works = |url: &Value| leak.takes(url.as_str().unwrap());
        let at = state.lock().unwrap().current("app/db")["url"].clone();
        assert!(
            works(&at) || leak.takes(&leak.url()),
            "round {number}: a value that works is in the vault or the old one"
        );
        if was_alive {
            let done = go_on(&project, &rotate, &env);
            assert_eq!(done.code, 0, "round {number}: {} {}", done.stdout, done.stderr);
        }
        let now = state.lock().unwrap().current("app/db")["url"].as_str().unwrap().to_owned();
        leak.assert_rotated(&now);
        was_alive && least.is_some()
    };
    let killed: usize = std::thread::scope(|scope| {
        let round = &round;
        let threads: Vec<_> =
            (0..2).map(|half| scope.spawn(move || (0..5).filter(|n| round(half * 5 + n)).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(killed > 0, "no run was killed before its end");
}

#[test]
fn an_aws_key_is_replaced_in_secrets_manager() {
    let Some(server) = moto::moto(&[]) else { return };
    let all = r#"[{"Effect":"Allow","Action":["iam:*","sts:*","secretsmanager:*"],"Resource":"*"}]"#;
    let (leaked, keeper) = (server.user("ci", all), server.user("keeper", all));
    let put = "client('secretsmanager').create_secret(Name='app/aws', SecretString=json.dumps({'id': args[0], 'secret': args[1]}))";
    server.python(put, &[&leaked.0, &leaked.1]);
    server.check_keys();
    let url = server.url();
    let settings = format!(
        "[[vault]]\nname = 'aws'\nkind = 'aws'\nregion = 'us-east-1'\naddress = '{url}'\n\
         [respond.aws]\niam = '{url}'\nsts = '{url}'\n"
    );
    let project = Project::new()
        .file("a.env", format!("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n", leaked.0, leaked.1))
        .file("team.toml", settings);
    assert_eq!(project.run("scan --format json=leaks.json --show-secrets --quiet a.env").code, 1);
    let report: Value = serde_json::from_str(&project.read("leaks.json")).unwrap();
    let found = report["findings"].as_array().unwrap().iter().find(|one| one["rule"] == "aws.secret-access-key");
    let fingerprint = found.unwrap()["fingerprint"].as_str().unwrap().to_owned();
    let env =
        [("AWS_ACCESS_KEY_ID", keeper.0.as_str()), ("AWS_SECRET_ACCESS_KEY", &keeper.1), ("AWS_REGION", "us-east-1")];
    let rotate = format!("{ROTATE} --endpoint aws={url} --fingerprint {fingerprint} --entry aws:app/aws#secret");
    let done = run(&project, &format!("{rotate} --execute --yes"), &env);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    // Asked for no stage this server answers with the version that was first.
    let get = "print(client('secretsmanager', args[0], args[1]).get_secret_value(SecretId='app/aws', VersionStage='AWSCURRENT')['SecretString'])";
    let now: Value = serde_json::from_str(&server.python(get, &[&keeper.0, &keeper.1])).unwrap();
    let keys = "for key in client('iam', args[0], args[1]).list_access_keys(UserName='ci')['AccessKeyMetadata']: \
        print(key['AccessKeyId'], key['Status'])";
    let keys = server.python(keys, &[&keeper.0, &keeper.1]);
    assert!(
        now["id"] != leaked.0.as_str() && keys.contains(&format!("{} Active", now["id"].as_str().unwrap())),
        "{keys}"
    );
    assert!(keys.contains(&format!("{} Inactive", leaked.0)), "{keys}");
}

#[test]
fn a_rotation_is_gone_on_with_by_its_own_verb_and_never_offline() {
    let project = Project::new().file("a.env", "A=1\n").file("team.toml", "");
    assert_eq!(project.run("scan --format json=leaks.json --quiet a.env").code, 0);
    let offline = run(&project, "rotate leaks.json a.env --offline --execute --yes", &[]);
    assert!(offline.code == 2 && offline.stderr.contains("--offline"), "{}", offline.stderr);
    assert_eq!(run(&project, "revoke leaks.json a.env --mode atomic", &[]).code, 2, "only a rotation has an order");
    let nowhere = run(&project, "rotate leaks.json a.env --entry a:b", &[]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("no vault is named"), "{}", nowhere.stderr);
}

#[test]
fn who_read_the_leaked_value_is_listed() {
    let (old, url) = (random(20, 75), format!("postgres://app:{}@db.internal/app", random(20, 76)));
    let (_, kv) = vault("app/db", json!({ "url": url }));
    let line = |kind: &str, who: &str, value: &str, time: &str| {
        let auth = json!({ "display_name": who, "entity_id": "e-1" });
        let request = json!({ "path": "secret/data/app/db", "remote_address": "10.0.0.9" });
        json!({ "time": time, "type": kind, "auth": auth, "request": request,
            "response": { "data": { "data": { "url": hash(value) } } } })
        .to_string()
    };
    let log = [
        line("response", "approle-ci", &url, "2026-11-20T08:00:00Z"),
        line("response", "approle-ci", &url, "2026-11-20T09:00:00Z"),
        line("request", "token-asks", &url, "2026-11-20T09:00:00Z"),
        line("response", "token-other", &old, "2026-11-20T09:00:00Z"),
    ];
    let project = Project::new()
        .file("a.env", format!("DATABASE_URL={url}\n"))
        .file("team.toml", settings(&kv))
        .file("audit.log", log.join("\n") + "\n")
        .file("torn.log", "{\"time\":\n");
    assert_eq!(project.run("scan --format json=leaks.json --quiet a.env").code, 1);
    let env = [("VAULT_TOKEN", ROOT)];
    let readers = "vault readers leaks.json a.env --config team.toml --audit-log audit.log --entry team:app/db";
    let text = run(&project, readers, &env);
    assert_eq!(text.code, 0, "{}", text.stderr);
    let expected = "approle-ci (entity e-1) from 10.0.0.9: 2 times, 2026-11-20T08:00:00Z to 2026-11-20T09:00:00Z, secret/data/app/db";
    assert!(text.stdout.contains(expected) && !text.stdout.contains("token-"), "{}", text.stdout);
    let list = run(&project, &format!("{readers} --format json --device file/"), &env);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((&list[0]["readers"][0]["name"], &list[0]["readers"][0]["times"]), (&"approle-ci".into(), &2.into()));
    assert_eq!(list[0]["readers"].as_array().unwrap().len(), 1);
    // By the value alone, and of a log that cannot be read whole.
    let one = "vault readers --rule generic.password --config team.toml --audit-log audit.log --audit-log torn.log";
    let one = finish(command(&project, one, &env), old.as_bytes());
    assert_eq!(one.code, 2, "{}", one.stderr);
    assert!(one.stdout.contains("token-other") && !one.stdout.contains("approle"), "{} {}", one.stdout, one.stderr);
    assert!(one.stderr.contains("1 lines") && !one.stdout.contains(&old));
    assert_eq!(changes(&kv), 0);
}
