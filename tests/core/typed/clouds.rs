//! AWS as moto plays it with its keys checked; Google's token endpoint made by hand, which checks the signature.

use super::{Gate, ask, doubt, identity};
use crate::server::{Asked, Reply, Server};
use crate::support::servers::moto;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use stopleak_core::verify::typed::{CONNECTION, Setup};
use stopleak_core::{Doubt, Validity};

const RULE: &str = "aws.secret-access-key";

#[test]
fn aws_says_whether_a_key_is_alive() {
    let Some(server) = moto::moto(&[]) else { return };
    let allow = r#"[{"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "*"}]"#;
    let (id, secret) = server.user("app", allow);
    let (other, _) = server.user("other", allow);
    let gate = Gate::new(Setup { sts: Some(server.url()), ..Setup::default() });
    let key = |id: &str, secret: &str| ask(&gate, RULE, secret, &[("aws.access-key-id", id)]);
    // Nobody's keys are checked yet: whoever asks is let in.
    assert_eq!(doubt(&key(&id, &secret)), Doubt::Gullible);
    server.check_keys();
    assert_eq!(
        identity(&key(&id, &secret)).iter().filter(|line| !line.starts_with("user id")).collect::<Vec<_>>(),
        ["account 123456789012", "arn arn:aws:iam::123456789012:user/app"]
    );
    let nobody = ["AK", "IA"].concat() + &"Q".repeat(16);
    for (id, secret) in [(&id, &crate::made::random(40, 3)), (&nobody, &secret), (&other, &secret)] {
        assert_eq!(key(id, secret), Validity::Inactive, "{id}");
    }
    let off = "client('iam').update_access_key(UserName='app', AccessKeyId=args[0], Status='Inactive')";
    // One more request is not checked: the key is switched off by it.
    server.unchecked(1);
    server.python(off, &[&id]);
    assert_eq!(key(&id, &secret), Validity::Inactive);
    assert_eq!(doubt(&ask(&gate, RULE, &secret, &[])), Doubt::Incomplete);
    let lent = ["AS", "IA"].concat() + &"Q".repeat(16);
    assert_eq!(doubt(&key(&lent, &secret)), Doubt::Incomplete);
    assert!(gate.asked().iter().all(|(host, _, from_scan)| host == "127.0.0.1" && !from_scan));
}

#[test]
fn what_aws_answers_otherwise_is_unknown_by_its_reason() {
    let table: [(u16, &str, Doubt); 6] = [
        (200, "<html>proxy</html>", Doubt::Strange),
        (503, "busy", Doubt::Provider),
        (429, "", Doubt::RateLimited),
        (400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", Doubt::RateLimited),
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", Doubt::Strange),
        (
            403,
            "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 1 is now earlier</Message></Error></ErrorResponse>",
            Doubt::Strange,
        ),
    ];
    for (status, body, expected) in table {
        let server = Server::start(move |_| Reply::new(status, body));
        let gate = Gate::new(Setup { sts: Some(format!("http://{}", server.host)), ..Setup::default() });
        let validity = ask(&gate, RULE, &crate::made::random(40, 3), &[("aws.access-key-id", "id")]);
        assert_eq!(doubt(&validity), expected, "{status} {body}");
    }
}

/// A new RSA key as `openssl` writes it, in PEM.
fn rsa() -> String {
    let mut command = std::process::Command::new("openssl");
    command.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let output = command.stderr(std::process::Stdio::null()).output().expect("openssl is there");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn refusal(detail: &str) -> Reply {
    Reply::new(400, format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{detail}\"}}"))
}

/// Answers as Google does for one account with one key.
fn google(asked: &Asked, public: &[u8]) -> Reply {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let assertion = body.split("assertion=").nth(1).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    if claims["iss"] != "app@shop.iam.gserviceaccount.com" {
        return refusal("Invalid grant: account not found");
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    match key.verify(signed.as_bytes(), &signature) {
        Ok(()) => Reply::new(200, r#"{"access_token":"x","expires_in":3599,"token_type":"Bearer"}"#),
        Err(_) => refusal("Invalid JWT Signature."),
    }
}

#[test]
fn google_says_whether_a_service_account_key_is_alive() {
    let (pem, other) = (rsa(), rsa());
    let bytes =
        |pem: &str| STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let public = RsaKeyPair::from_pkcs8(&bytes(&pem)).unwrap().public_key().as_ref().to_vec();
    let server = Server::start(move |asked| google(asked, &public));
    let gate = Gate::new(Setup { google: Some(format!("http://{}/token", server.host)), ..Setup::default() });
    let ask = |gate: &Gate, pem: &str, email: &str| {
        let id = "ab".repeat(20);
        let file = serde_json::json!({ "type": "service_account", "project_id": "shop", "private_key_id": id, "private_key": pem,
            "client_email": email, "token_uri": "http://127.0.0.1:1/evil" });
        let secret = pem.replace('\n', "\\n");
        ask(gate, "gcp.service-account-key", &secret, &[(CONNECTION, &file.to_string())])
    };
    let email = "app@shop.iam.gserviceaccount.com";
    assert_eq!(identity(&ask(&gate, &pem, email)), [format!("service account {email}"), "project shop".into()]);
    assert_eq!(ask(&gate, &other, email), Validity::Inactive);
    assert_eq!(ask(&gate, &pem, "gone@shop.iam.gserviceaccount.com"), Validity::Inactive);
    assert_eq!(doubt(&super::ask(&gate, "gcp.service-account-key", &pem, &[])), Doubt::Incomplete);
    assert_eq!(doubt(&ask(&gate, "-----BEGIN PRIVATE KEY-----\nAAAA", email)), Doubt::Incomplete);
    assert!(gate.asked().iter().all(|(host, port, from_scan)| host == "127.0.0.1" && *port != 1 && !from_scan));

    let table: [(u16, &str, Doubt); 4] = [
        (200, r#"{"access_token":"x"}"#, Doubt::Gullible),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token"}"#,
            Doubt::Strange,
        ),
        (500, "", Doubt::Provider),
        (200, "<html>", Doubt::Strange),
    ];
    for (status, body, expected) in table {
        let server = Server::start(move |_| Reply::new(status, body));
        let gate = Gate::new(Setup { google: Some(format!("http://{}/token", server.host)), ..Setup::default() });
        assert_eq!(doubt(&ask(&gate, &pem, email)), expected, "{status} {body}");
    }
}
