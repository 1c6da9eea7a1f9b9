//! A real S3 server (moto) filled by AWS's own library, where they are installed.

use super::{Access, Keys, request, told};
use crate::support::servers::moto;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stopleak_core::Secret;
use stopleak_core::scan::scan;
use tempfile::TempDir;

struct Moto {
    process: Child,
    host: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(bin: &Path, home: &Path) -> Moto {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = File::create(home.join("moto.log")).unwrap();
    let mut command = Command::new(bin.join("moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_S3_DEFAULT_MAX_KEYS", "3");
    command.stdout(Stdio::null()).stderr(log);
    let moto = Moto { process: command.spawn().unwrap(), host: format!("127.0.0.1:{port}") };
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(&moto.host).is_err() {
        assert!(Instant::now() < deadline, "moto does not start: {:?}", std::fs::read_to_string(home.join("moto.log")));
        std::thread::sleep(Duration::from_millis(100));
    }
    moto
}

/// Fills a bucket with what the arguments say; prints the keys of one who may only read. After it, keys are checked.
const SEED: &str = r#"
import boto3, gzip, io, json, sys, urllib.request, zipfile
host, tokens = sys.argv[1], sys.argv[2:]
at = dict(endpoint_url=f"http://{host}", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
s3 = boto3.client("s3", **at)
s3.create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
put = lambda key, body, **more: s3.put_object(Bucket="logs", Key=key, Body=body, **more)
line = lambda n: f"A={tokens[n]}\n".encode()
put("in/app.env", line(0))
put("in/a b+c/ü%41&?=#.log", line(1))
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z: z.writestr("x/y.env", line(2))
put("in/backup.zip", packed.getvalue())
put("in/log.gz", gzip.compress(line(3)), ContentEncoding="gzip")
put("in/large.log", b"." * (9 << 20) + b"\n" + line(4))
put("in/folder/", b"")
put("in/frozen", line(5), StorageClass="GLACIER")
put("out/other.env", line(6))
s3.put_bucket_versioning(Bucket="logs", VersioningConfiguration={"Status": "Enabled"})
put("versions/over.env", line(7)); put("versions/over.env", b"A=\n")
put("versions/gone.env", line(8)); s3.delete_object(Bucket="logs", Key="versions/gone.env")
iam = boto3.client("iam", **at)
iam.create_user(UserName="reader")
allow = [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"}]
iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
keys = iam.create_access_key(UserName="reader")["AccessKey"]
urllib.request.urlopen(urllib.request.Request(f"http://{host}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST"))
print(keys["AccessKeyId"], keys["SecretAccessKey"])
"#;

#[test]
fn a_real_store_gives_every_secret_and_checks_the_signature() {
    let Some(bin) = moto::installed() else { return };
    let home = TempDir::new().unwrap();
    let server = start(&bin, home.path());
    let tokens: Vec<String> = (70..79).map(crate::made::token).collect();
    let mut seed = Command::new(bin.join("python"));
    seed.args(["-c", SEED, &server.host]).args(&tokens).env("AWS_CONFIG_FILE", "/dev/null").env("HOME", home.path());
    let seeded = seed.output().unwrap();
    assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
    let printed = String::from_utf8(seeded.stdout).unwrap();
    let (id, secret) = printed.trim().split_once(' ').unwrap();
    let keys = |secret: &str| Some(Keys { id: id.into(), secret: Secret::new(secret.as_bytes()), token: None });
    let access = Access {
        keys: keys(secret),
        region: Some("eu-west-1".into()),
        endpoint: Some(format!("http://{}", server.host)),
    };

    let outcome = scan(&request("logs/in/", access.clone())).unwrap();
    let (places, unscanned) = told(&outcome);
    let expected = [
        "s3://logs/in/a b+c/ü%41&?=#.log",
        "s3://logs/in/app.env",
        "s3://logs/in/backup.zip!x/y.env",
        "s3://logs/in/large.log",
        "s3://logs/in/log.gz!log",
    ];
    assert_eq!(places, expected);
    assert_eq!(unscanned, ["bucket-archived object s3://logs/in/frozen"]);

    let mut of_versions = request("logs/versions/", access.clone());
    assert_eq!(told(&scan(&of_versions).unwrap()).0, [""; 0]);
    of_versions.buckets.versions = true;
    let outcome = scan(&of_versions).unwrap();
    assert_eq!(
        told(&outcome),
        (vec!["s3://logs/versions/gone.env".into(), "s3://logs/versions/over.env".into()], vec![])
    );

    let wrong = scan(&request("logs", Access { keys: keys("wrong"), ..access.clone() })).unwrap_err();
    assert!(wrong.to_string().contains("403 SignatureDoesNotMatch"), "{wrong}");
    let gone = scan(&request("no-such-bucket", access)).unwrap_err();
    assert!(gone.to_string().contains("404 NoSuchBucket"), "{gone}");
}
