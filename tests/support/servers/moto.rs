//! AWS as moto plays it, where moto is installed: in the folder that `STOPLEAK_MOTO` names, or in `target/moto/bin`.
//! Never from the PATH: another version is another server.

use super::{Running, free_port, run, start};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Refuses keys that are switched off, which moto itself lets in.
const STRICT: &str = r#"
import sys
from moto.iam import access_control as ac
from moto.server import main
_init = ac.IAMUserAccessKey.__init__
def init(self, account_id, partition, access_key_id, headers):
    _init(self, account_id, partition, access_key_id, headers)
    for user in self.backend.list_users("/", None, None):
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status != "Active":
                raise ac.CreateAccessKeyFailure(reason="InvalidId")
ac.IAMUserAccessKey.__init__ = init
main(sys.argv[1:])
"#;

pub struct Moto {
    pub running: Running,
    python: PathBuf,
}

/// The folder of moto's `python`; says so when there is none.
pub fn installed() -> Option<PathBuf> {
    let named = std::env::var_os("STOPLEAK_MOTO").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/moto/bin");
    let has_library = |folder: &PathBuf| {
        let mut python = Command::new(folder.join("python"));
        let python = python.args(["-c", "import boto3, moto.server, moto.iam, moto.sts"]).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    };
    let found = named.into_iter().chain([usual]).find(has_library);
    if found.is_none() {
        eprintln!("SKIPPED: moto is not installed, so AWS is not tested against a real server");
    }
    found
}

/// Everybody may do everything until `check_keys` is called.
pub fn moto(environment: &[(&str, &str)]) -> Option<Moto> {
    let python = installed()?.join("python");
    let (home, port) = (TempDir::new().unwrap(), free_port());
    let mut command = Command::new(&python);
    command.args(["-c", STRICT, "-H", "127.0.0.1", "-p", &port.to_string()]).env("HOME", home.path());
    command.env("AWS_CONFIG_FILE", "/dev/null").envs(environment.iter().copied());
    Some(Moto { running: start(command, home, port), python })
}

impl Moto {
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.host())
    }

    /// Runs Python: `boto3`, `client(service, id, secret)` and the list `args` are there; what it prints.
    pub fn python(&self, code: &str, args: &[&str]) -> String {
        let head = format!(
            "import boto3, json, sys, urllib.request\nargs = sys.argv[1:]\nurl = {:?}\n\
             def client(service, id='x', secret='y'): return boto3.client(service, endpoint_url=url, \
             region_name='us-east-1', aws_access_key_id=id, aws_secret_access_key=secret)\n",
            self.url()
        );
        let mut command = Command::new(&self.python);
        command
            .args(["-c", &(head + code)])
            .args(args)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("HOME", self.running.home.path());
        String::from_utf8(run(&mut command).stdout).unwrap().trim().to_owned()
    }

    /// A new user with a key and a policy (`{"Effect": "Allow", …}`): the key's id and its secret.
    pub fn user(&self, name: &str, statements: &str) -> (String, String) {
        const NEW: &str = "iam = client('iam')\niam.create_user(UserName=args[0])\n\
            policy = json.dumps({'Version': '2012-10-17', 'Statement': json.loads(args[1])})\n\
            iam.put_user_policy(UserName=args[0], PolicyName='p', PolicyDocument=policy)\n\
            key = iam.create_access_key(UserName=args[0])['AccessKey']\nprint(key['AccessKeyId'], key['SecretAccessKey'])";
        let printed = self.python(NEW, &[name, statements]);
        let (id, secret) = printed.split_once(' ').unwrap();
        (id.to_owned(), secret.to_owned())
    }

    /// From now on keys and policies count.
    pub fn check_keys(&self) {
        self.unchecked(0);
    }

    /// The next requests, so many, may do everything; after them keys and policies count.
    pub fn unchecked(&self, count: u32) {
        let code = "urllib.request.urlopen(urllib.request.Request(url + '/moto-api/reset-auth', data=args[0].encode(), \
            headers={'Content-Type': 'text/plain'}, method='POST'))";
        self.python(code, &[&count.to_string()]);
    }
}
